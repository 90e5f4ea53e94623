"""What a manifest says, as MLflow wants it: flat parameters, ``group/name`` metrics, and tags."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from personaloom.llm.scrub import redacted

__all__ = ["MAX_VALUE", "flat_params", "metrics_of", "prompts_of", "tags_of"]

MAX_VALUE = 6000
_MAX_KEY = 240
_MAX_TAG = 4000
_FORBIDDEN = re.compile(r"[^A-Za-z0-9_\-. :/]")


def flat_params(config: Mapping[str, Any]) -> dict[str, str]:
    """A nested config as ``{"sampler.min_features": "10"}``; lists as JSON, long values cut with an ellipsis."""
    return {_key(name): _cut(value, MAX_VALUE) for name, value in _leaves(redacted(dict(config)), "")}


def prompts_of(manifest: Mapping[str, Any]) -> dict[str, str]:
    """Prompt name to its version and the beginning of its hash."""
    prompts = manifest.get("prompts") or {}
    return {name: f"version {use.get('version')}, {str(use.get('sha256'))[:16]}" for name, use in prompts.items()}


def _leaves(node: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    for key, value in node.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{name}.")
        elif isinstance(value, str):
            yield name, value
        else:
            yield name, json.dumps(value, ensure_ascii=False, default=str)


def metrics_of(manifest: Mapping[str, Any]) -> dict[str, float]:
    """Every number worth a chart, named ``group/name``; what is unknown, None or not finite is left out."""
    groups = {
        "dataset": _dataset(manifest),
        "noise": _noise(_part(manifest, "noise")),
        "tokens": _tokens(_part(manifest, "usage"), _count(manifest, "samples")),
        "cost": _cost(_part(manifest, "usage"), _count(manifest, "samples")),
        "failures": {
            "total": _count(manifest, "failed"),
            "share": manifest.get("failed_share"),
            **{str(kind): number for kind, number in _part(manifest, "failures").items()},
        },
        "personas": dict(_numbers(_part(manifest, "personas"), "")),
        "quality": _quality(_part(manifest, "quality")),
    }
    return {
        _key(f"{group}/{name}"): float(value)
        for group, values in groups.items()
        for name, value in values.items()
        if isinstance(value, (int, float)) and math.isfinite(value)
    }


def _dataset(manifest: Mapping[str, Any]) -> dict[str, Any]:
    counts = _part(manifest, "counts")
    conversations = _count(manifest, "interactions")
    ends = {f"ended_{reason}": number for reason, number in _part(manifest, "end_reasons").items()}
    return {
        **counts,
        **ends,
        "turns_per_conversation": _ratio(counts.get("turns"), conversations),
        "duration_s": manifest.get("duration_s"),
    }


def _noise(noise: Mapping[str, Any]) -> dict[str, Any]:
    plain = {key: value for key, value in noise.items() if isinstance(value, (int, float))}
    layers = {
        f"{layer}_{what}": number
        for layer, counted in _part(noise, "layers").items()
        if isinstance(counted, Mapping)
        for what, number in counted.items()
    }
    return {
        **plain,
        **layers,
        "drawn_rate": _ratio(noise.get("drawn"), noise.get("units")),
        "applied_rate": _ratio(noise.get("applied"), noise.get("units")),
        "conversation_applied_rate": _ratio(noise.get("conversations_applied"), noise.get("conversations")),
    }


def _tokens(usage: Mapping[str, Any], samples: float) -> dict[str, Any]:
    attributed = _part(usage, "attributed")
    total = _total(attributed)
    return {
        "input": attributed.get("input_tokens"),
        "output": attributed.get("output_tokens"),
        "total": total,
        "per_sample": _ratio(total, samples),
        "calls": attributed.get("calls"),
        "paid_total": _total(_part(usage, "paid")),
        "paid_calls": _part(usage, "paid").get("calls"),
        "paid_attempts": _part(usage, "paid").get("attempts"),
        **{str(module): _total(spent) for module, spent in _part(usage, "by_module").items()},
    }


def _cost(usage: Mapping[str, Any], samples: float) -> dict[str, Any]:
    """Both costs, and each per 1,000 samples: MLflow shows tiny numbers as 0.00."""
    named: dict[str, Any] = {}
    for kind in ("paid", "attributed"):
        usd = _part(usage, kind).get("cost_usd")
        named[f"{kind}_usd"] = usd
        named[f"{kind}_usd_per_1000_samples"] = None if usd is None else _ratio(usd * 1000, samples)
    by_module = _part(usage, "by_module").items()
    return {**named, **{f"{module}_usd": spent.get("cost_usd") for module, spent in by_module}}


def _quality(quality: Mapping[str, Any]) -> dict[str, Any]:
    """Each figure, with ``_low`` and ``_high`` where it has an interval; what the checks and the judge counted."""
    named: dict[str, Any] = {key: quality.get(key) for key in ("rejected", "flagged")}
    for name, figure in _part(quality, "figures").items():
        if isinstance(figure, Mapping):
            named[name] = figure.get("value")
            named |= {f"{name}_{end}": figure[end] for end in ("low", "high") if end in figure}
    named |= {f"found_by_{check}": count for check, count in _part(quality, "by_check").items()}
    named |= {f"private_{kind}": count for kind, count in _part(quality, "private").items()}
    judge = _part(quality, "judge")
    named |= {f"judge_{key}": judge.get(key) for key in ("judged", "skipped", "refused", "failed")}
    pairs = _part(quality, "pairs")
    return named | {f"pairs_{key}": pairs.get(key) for key in ("compared", "skipped", "failed")}


def tags_of(manifest: Mapping[str, Any], folder: str) -> dict[str, str]:
    """Tags by which a run is found: ``simulated``, ``fingerprint``, ``name``, the sweep's, the files' place."""
    sweep = _part(manifest, "sweep")
    tags: dict[str, Any] = {
        "simulated": str(bool(manifest.get("simulated"))).lower(),
        "fingerprint": manifest.get("fingerprint"),
        "name": manifest.get("name"),
        "status": manifest.get("status"),
        "mode": manifest.get("mode"),
        "dataset_dir": folder,
        "mixed_snapshots": str(bool(manifest.get("mixed_snapshots"))).lower(),
        "models": ", ".join(sorted({str(entry.get("model")) for entry in manifest.get("models") or []})),
        "unpriced_models": ", ".join(_part(manifest, "usage").get("unpriced_models") or []),
        "sweep_id": sweep.get("id"),
        "sweep_job": sweep.get("job"),
        "overrides": " ".join(map(str, sweep.get("overrides") or [])),
        "mlflow.source.name": "personaloom",
        "mlflow.source.type": "LOCAL",
    }
    if sweep.get("id"):
        # A dataset that two sweeps share keeps a mark of both; sweep_id names the later one.
        tags[f"sweep.{sweep['id']}"] = f"job {sweep.get('job')}"
    for name, prompt in _part(manifest, "prompts").items():
        tags[f"prompt.{name}"] = f"version {prompt.get('version')}, sha256 {str(prompt.get('sha256'))[:16]}"
    return {_key(key): _cut(str(value), _MAX_TAG) for key, value in tags.items() if value not in (None, "")}


def _numbers(node: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, float]]:
    for key, value in node.items():
        if isinstance(value, Mapping):
            # A table of a few figures, not a histogram or a number for every dimension.
            if len(value) <= 12 and not any(str(name).isdigit() for name in value):
                yield from _numbers(value, f"{prefix}{key}_")
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            yield f"{prefix}{key}", value


def _part(node: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = node.get(key)
    return value if isinstance(value, Mapping) else {}


def _count(manifest: Mapping[str, Any], key: str) -> float:
    value = _part(manifest, "counts").get(key)
    return float(value) if isinstance(value, (int, float)) else 0.0


def _total(spent: Mapping[str, Any]) -> float | None:
    known = [spent.get(key) for key in ("input_tokens", "output_tokens")]
    return None if all(value is None for value in known) else sum(float(value or 0) for value in known)


def _ratio(part: Any, whole: Any) -> float | None:
    return part / whole if isinstance(part, (int, float)) and whole else None


def _key(name: str) -> str:
    return _FORBIDDEN.sub("_", name)[:_MAX_KEY]


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
