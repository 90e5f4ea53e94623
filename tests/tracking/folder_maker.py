"""A small finished dataset folder, written with the record classes, for the tests of tracking and report."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from personaloom.keyed import Key
from personaloom.records import (
    DealtQuery,
    Failure,
    Ids,
    Interaction,
    Message,
    NoiseLayer,
    NoiseResult,
    PersonaSpec,
    TrainingSample,
)

DIMENSIONS = {
    "role": ("nurse", "data engineer", "teacher", "small business owner"),
    "tone_pref": ("warm", "dry", "formal"),
    "query_length_pref": ("short", "medium", "long"),
    "industry": ("health", "retail", "public sector", "software", "farming"),
    "formality_level": ("casual", "neutral", "formal"),
}
TOPICS = (
    "move 40 GB of photos to a new disk by Friday",
    "write a polite reminder about an unpaid invoice of 320 euros",
    "explain the difference between a mutex and a semaphore",
    "plan meals for 3 children for a week under 70 euros",
)
STRATEGIES = {
    NoiseLayer.SURFACE: "typo_misspelling",
    NoiseLayer.INCOMPLETE: "missing_slots",
    NoiseLayer.AMBIGUOUS: "multi_intent",
}
ANSWER = (
    "Start with what has to be finished first.\n\n1. Look at what you have.\n2. Decide what can wait.\n\n"
    "Then `check` the result once more before you go on: {topic}."
)


def make_folder(
    root: Path,
    personas: int = 4,
    queries: int = 3,
    *,
    name: str = "SIM-personas",
    simulated: bool = True,
    failures: int = 1,
    evil: str = "",
    sweep: dict[str, Any] | None = None,
    manifest_changes: dict[str, Any] | None = None,
) -> Path:
    """Write a dataset folder; ``evil`` is put into texts, to see whether it is escaped."""
    fingerprint = hashlib.sha256(f"{name}{sweep}".encode()).hexdigest()
    folder = root / f"{name}-{fingerprint[:12]}"
    (folder / "training_data").mkdir(parents=True)
    specs = [_persona(index, evil) for index in range(personas)]
    talks = [_talk(spec, index, slot, evil) for index, spec in enumerate(specs) for slot in range(queries)]
    failed = [
        Failure(
            f"p{i:06d}-q{queries:02d}",
            f"p{i:06d}",
            "interaction",
            "timeout",
            f"no reply in 60 s {evil}",
            3,
            transient=True,
        )
        for i in range(failures)
    ]
    _write(folder / "personas.jsonl", [spec.to_dict() for spec in specs])
    _write(folder / "queries.jsonl", [_query(t) for t in talks])
    _write(folder / "interactions.jsonl", [t.to_dict() for t in talks])
    _write(folder / "failures.jsonl", [f.to_dict() for f in failed])
    _write(folder / "training_data" / "train_samples.jsonl", [_sample(t) for t in talks])
    (folder / "statistics.json").write_text(json.dumps({"total_samples": len(talks)}))
    (folder / "token_usage.json").write_text(json.dumps({"summary": {}, "records": []}))
    manifest = _manifest(name, fingerprint, simulated, specs, talks, failed, sweep)
    (folder / "manifest.json").write_text(json.dumps(manifest | (manifest_changes or {})))
    return folder


def _persona(index: int, evil: str) -> PersonaSpec:
    key = Key(7, "persona", index)
    features = {
        name: values[key.child(name).below(len(values), "value")]
        for name, values in DIMENSIONS.items()
        if name == "role" or key.child(name).below(10, "has") < 8
    }
    prompt = f"You are a {features['role']}. You ask plainly and you want an answer that can be used today. {evil}"
    return PersonaSpec(Ids.persona(index), features, prompt, {"nearest_distance": 2})


def _talk(spec: PersonaSpec, index: int, slot: int, evil: str) -> Interaction:
    slot_id = Ids.slot(spec.persona_id, slot)
    key = Key(7, "talk", index, slot)
    topic, turns = TOPICS[key.below(len(TOPICS), "topic")], 2 + key.below(4, "turns")
    messages, noise = [], []
    for turn in range(turns):
        clean = f"Could you {topic}? {evil}" if turn == 0 else f"Thanks. What about step {turn} of it, please?"
        result = _noise(clean, Ids.unit(slot_id, turn), key.child("turn", turn))
        noise.append(result)
        meta = {"unit_id": Ids.unit(slot_id, turn)} | ({"noise": result.to_dict()} if result.applied else {})
        messages.append(Message("user", result.noisy_text, "2026-11-01T10:00:00+00:00", meta))
        messages.append(Message("assistant", ANSWER.format(topic=topic) + evil, "2026-11-01T10:00:02+00:00"))
    metadata = {
        "end_reason": "satisfied" if key.below(2, "end") else "target_reached",
        "assistant_model": "simulated/persona-1",
        "user_model": "simulated/persona-1",
        "noise": [result.to_dict() for result in noise],
        "simulated": True,
    }
    asked = f"Could you {topic}? {evil}"
    features = spec.features | ({"domain": "household"} if slot == 1 else {})
    return Interaction(slot_id, spec.persona_id, features, topic, asked, messages, turns, metadata)


def _noise(clean: str, unit_id: str, key: Key) -> NoiseResult:
    if key.below(10, "drawn") >= 4:
        return NoiseResult(clean, clean, metadata={"unit_id": unit_id, "verdict": "not_drawn"})
    layer = tuple(NoiseLayer)[key.below(3, "layer")]
    if key.below(8, "held") == 0:
        meta = {"unit_id": unit_id, "verdict": "rejected", "reason": "a slot was lost"}
        return NoiseResult(clean, clean, str(layer), layer.layer_index, [], meta)
    noisy = {
        NoiseLayer.SURFACE: clean.replace("ould", "uold").replace("step", "setp"),
        NoiseLayer.INCOMPLETE: clean.replace("40 GB of photos", "some stuff").replace("by Friday", "soon") + " or so",
        NoiseLayer.AMBIGUOUS: clean + " Or maybe the other thing first, both really.",
    }[layer]
    meta = {
        "unit_id": unit_id,
        "verdict": "applied",
        "edit_distance": 5,
        "engine": "deterministic",
        "attempts": 1,
    }
    semantics = {
        "before": {"intents": ["ask for help"], "slots": {"amount": "40 GB"}},
        "after": {"intents": ["ask for help"], "slots": {}, "missing": ["amount"]},
    }
    return NoiseResult(clean, noisy, str(layer), layer.layer_index, [STRATEGIES[layer]], meta, semantics)


def _query(talk: Interaction) -> dict[str, Any]:
    query = DealtQuery(talk.interaction_id, talk.original_query, talk.initial_query, target_turns=talk.num_turns)
    return query.to_dict() | {"persona_id": talk.persona_id}


def _sample(talk: Interaction) -> dict[str, Any]:
    conversation = [{"role": m.role, "content": m.content} for m in talk.messages]
    return TrainingSample(
        talk.interaction_id,
        talk.persona_id,
        talk.persona_features,
        talk.original_query,
        talk.initial_query,
        [],
        conversation,
        talk.num_turns,
        [],
        {},
    ).to_dict()


def _manifest(
    name: str,
    fingerprint: str,
    simulated: bool,
    specs: list[PersonaSpec],
    talks: list[Interaction],
    failed: list[Failure],
    sweep: dict[str, Any] | None,
) -> dict[str, Any]:
    units = [result for talk in talks for result in talk.noise()]
    drawn, applied = [u for u in units if u.drawn], [u for u in units if u.applied]
    layers = {
        str(layer): {
            "drawn": sum(u.layer == layer for u in drawn),
            "applied": sum(u.layer == layer for u in applied),
        }
        for layer in NoiseLayer
    }
    spent = {
        "calls": 400,
        "attempts": 402,
        "input_tokens": 90_000,
        "output_tokens": 30_000,
        "cost_usd": 0.0123,
    }
    stage = {"calls": 100, "input_tokens": 30_000, "output_tokens": 9_000, "cost_usd": 0.004}
    return {
        "schema": 1,
        "name": name,
        "fingerprint": fingerprint,
        "fingerprints": {"personas": fingerprint},
        "simulated": simulated,
        "status": "done",
        "mode": "enhanced",
        "stages": ["persona", "query", "interaction", "distractor", "training"],
        "num_personas": len(specs),
        "seeds": {"personas": 42, "queries": 42, "noise": 42, "generation": 42},
        "counts": {
            "personas": len(specs),
            "prompts": len(specs),
            "queries": len(talks),
            "interactions": len(talks),
            "samples": len(talks),
            "turns": len(units),
            "failed": len(failed),
            "supplements": 0,
            "rejected_samples": 0,
        },
        "end_reasons": {"target_reached": len(talks) // 2, "satisfied": len(talks) - len(talks) // 2},
        "noise": {
            "mode": "realtime",
            "configured_rate": 0.4,
            "units": len(units),
            "drawn": len(drawn),
            "applied": len(applied),
            "rejected": len(drawn) - len(applied),
            "not_applicable": 0,
            "conversations": len(talks),
            "conversations_drawn": sum(any(u.drawn for u in t.noise()) for t in talks),
            "conversations_applied": sum(any(u.applied for u in t.noise()) for t in talks),
            "rate": {
                "per_turn": {"share": 0.31, "low": 0.24, "high": 0.38, "expected": 0.4, "inside": False},
                "applied_per_turn": {"share": 0.27, "low": 0.21, "high": 0.34},
            },
            "layers": layers,
            "layer_mix": {"statistic": 1.2, "degrees": 2, "p_value": 0.55},
            "reasons": {"a slot was lost": len(drawn) - len(applied)},
            "strategies": {STRATEGIES[layer]: layers[str(layer)]["applied"] for layer in NoiseLayer},
        },
        "failures": {"timeout": len(failed)} if failed else {},
        "failed_share": len(failed) / max(1, len(talks)),
        "usage": {
            "paid": spent,
            "attributed": spent,
            "by_module": {"interaction_generation": stage, "persona_formulation": stage, "distractor": stage},
            "by_model": {"simulated/persona-1": spent},
            "by_operation": {"assistant_response": stage, "user_feedback": stage},
            "unpriced_models": [],
            "unknown_attempts": 0,
        },
        "models": [{"role": "assistant", "model": "simulated/persona-1", "weight": 1.0, "snapshots": []}],
        "mixed_snapshots": False,
        "prompts": {"assistant": {"version": "1", "sha256": "ab" * 32}},
        "queries": {"source": "shipped", "sha256": "cd" * 32, "size": 420, "passes": 1},
        "personas": {
            "availability": {"realised": 0.8, "mean_features": None, "by_dimension": {"role": 1.0}},
            "distance": {"minimum": 2, "mean": 3.9, "histogram": {"2": 3, "3": 10}, "exact": True},
            "coverage": {"values": {"possible": 20, "seen": 18, "share": 0.9}, "unseen": {"role": ["pilot"]}},
            "sampler": "random",
            "note": None,
        },
        "files": {"interactions.jsonl": {"sha256": "ef" * 32, "bytes": 1, "records": len(talks)}},
        "tracking": {"kind": "mlflow", "uri": None, "experiment": None, "run_id": None, "error": None},
        "sweep": sweep or {"id": None, "job": None, "overrides": []},
        "config": {
            "name": name,
            "num_personas": len(specs),
            "llm": {"model": "simulated", "api_key_env": "NONE_API_KEY", "max_tokens": 256},
            "distractor": {"activation_probability": 0.4, "layers": [0.5, 0.3, 0.2]},
            "tracking": {"kind": "mlflow", "uri": None},
        },
        "versions": {"personaloom": "0.1.0", "python": "3.11", "platform": "test", "simulator": "1"},
        "created_at": "2026-11-01T10:00:00+00:00",
        "updated_at": "2026-11-01T10:00:09+00:00",
        "duration_s": 3.2,
    }


def _write(path: Path, records: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
