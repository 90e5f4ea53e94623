"""What a config asks of quality, as one object."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from personaloom.errors import ConfigError, Fault
from personaloom.plural import many
from personaloom.quality.checks import Finding, SampleChecks, Verdict
from personaloom.quality.corpus import Decontamination
from personaloom.quality.judge import Judge, Judgement
from personaloom.quality.statistics import StatisticsCollector, compute_statistics
from personaloom.records import TrainingSample

__all__ = ["ACTIONS", "QualityPlan"]

ACTIONS = ("flag", "filter", "off")
_ALGORITHM = 1

Reader = Callable[[Path], Iterable[TrainingSample]]


class QualityPlan:
    """Checks, statistics and judge as configured.

    Args:
        checks: arguments of ``SampleChecks``.
        action: ``flag`` writes a failed verdict into the sample's metadata, ``filter`` takes the sample out (it goes to
            ``rejected_samples.jsonl``), ``off`` does neither.
        statistics: whether the measures beyond the reference's fields are computed.
        reference: a file of real conversations to measure the distance to, or None.
        decontaminate: benchmark name to a text file, one question a line.
        decontaminate_n: length in words of the n-gram that counts as an overlap.
        judge: arguments of ``Judge``, or None for no judge.
        annotation: ``{count}``: messages of a sheet for people.
        seed: of keyed samples, bootstraps and the judge's choice.

    Raises:
        ConfigError: an unknown action, or a file that is not there; also what checks and judge raise.
    """

    def __init__(
        self,
        checks: Mapping[str, Any] | None = None,
        action: str = "flag",
        statistics: bool = True,
        reference: str | Path | None = None,
        decontaminate: Mapping[str, str | Path] | None = None,
        decontaminate_n: int = 13,
        judge: Mapping[str, Any] | None = None,
        annotation: Mapping[str, Any] | None = None,
        seed: int = 0,
    ) -> None:
        self.action, self.with_statistics, self.seed = action, statistics, seed
        self.reference = Path(reference) if reference else None
        self.decontaminate = {name: Path(path) for name, path in (decontaminate or {}).items()}
        self.decontaminate_n = decontaminate_n
        self.annotation_count = int((annotation or {}).get("count", 100))
        self._check()
        self.checks = SampleChecks(**(checks or {}))
        self.judge = None if judge is None else Judge(**{"seed": seed, **judge})

    @classmethod
    def from_config(cls, settings: Mapping[str, Any], seed: int = 0) -> QualityPlan:
        """From the ``quality`` node of a config; ``_target_`` is left out."""
        return cls(**{"seed": seed} | {key: value for key, value in settings.items() if key != "_target_"})

    def _check(self) -> None:
        faults = []
        if self.action not in ACTIONS:
            faults.append(Fault("quality.action", f"{self.action!r} is no choice", f"choose {', '.join(ACTIONS)}"))
        if self.decontaminate_n < 5:
            problem = f"{many(self.decontaminate_n, 'word is', 'words are')} too few to mean anything"
            faults.append(Fault("quality.decontaminate_n", problem, "give 5 or more; 13 is usual"))
        named = {"quality.reference": self.reference} if self.reference else {}
        named |= {f"quality.decontaminate.{name}": path for name, path in self.decontaminate.items()}
        faults += [
            Fault(where, f"{path}: there is no such file", "give the path of a file that can be read")
            for where, path in named.items()
            if not path.exists()
        ]
        if faults:
            raise ConfigError(faults, "the quality settings cannot be used")

    @property
    def filters(self) -> bool:
        """Whether samples may be taken out."""
        return self.action == "filter" or (self.judge is not None and self.judge.filters)

    def fingerprint(self) -> str:
        """Hash of what decides which samples there are: the checks, where they filter; not judge, flags, measures."""
        settings = self.checks.settings() if self.action == "filter" else {}
        data = {"algorithm": _ALGORITHM, "filter": self.action == "filter", "checks": settings}
        return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()

    def settings(self) -> dict[str, Any]:
        """All that the exported files depend on, JSON-ready; of files that are read, their size and time."""
        named = {"reference": self.reference, **{f"decontaminate.{k}": path for k, path in self.decontaminate.items()}}
        files = {name: [str(path), *_facts(path)] for name, path in named.items() if path is not None}
        return {
            "action": self.action,
            "checks": {} if self.action == "off" else self.checks.settings(),
            "statistics": self.with_statistics,
            "files": files,
            "decontaminate_n": self.decontaminate_n,
            "judge": self.judge and self.judge.settings(),
            "seed": self.seed,
        }

    def review(
        self, sample: TrainingSample, judgement: Judgement | None = None
    ) -> tuple[TrainingSample | None, Verdict | None]:
        """The sample as it is exported, or None where it is taken out, and the verdict on it.

        A flagged sample has ``metadata["quality"]`` and a judged one ``metadata["judge"]``; a sample whose metadata is
        switched off carries neither. Too low a score takes a sample out whatever the action.
        """
        low = self._too_low(judgement)
        verdict = None if self.action == "off" else self.checks.judge(sample)
        if low is not None:
            known = verdict or Verdict(sample.sample_id)
            return None, Verdict(known.sample_id, (*known.findings, low), known.private)
        if verdict is not None and not verdict.accepted and self.action == "filter":
            return None, verdict
        notes: dict[str, Any] = {}
        if verdict is not None and not verdict.accepted:
            notes["quality"] = verdict.to_dict()
        if judgement is not None and judgement.scores:
            notes["judge"] = judgement.note()
        if not notes or sample.metadata is None:
            return sample, verdict
        return sample.with_(metadata={**sample.metadata, **notes}), verdict

    def _too_low(self, judgement: Judgement | None) -> Finding | None:
        if judgement is None or self.judge is None or self.judge.keeps(judgement):
            return None
        said = ", ".join(f"{name} {score}" for name, score in judgement.scores.items())
        return Finding("judge", None, f"{said} (mean {judgement.mean:.2f}) is below the least scores asked for")

    def collector(self) -> StatisticsCollector:
        """Measures samples that are judged elsewhere, one by one."""
        return StatisticsCollector(
            self.seed, None, Decontamination(texts, self.decontaminate_n) if (texts := self._benchmarks()) else None
        )

    def add_reference(self, collector: StatisticsCollector, read: Reader | None) -> None:
        """Have a collector read the reference corpus, where there is one."""
        if read is not None and self.reference is not None:
            collector.compare_with(read(self.reference))

    def _benchmarks(self) -> dict[str, list[str]]:
        return {name: path.read_text("utf-8").splitlines() for name, path in self.decontaminate.items()}

    def compute(self, samples: Iterable[TrainingSample], read: Reader | None = None, **known: Any) -> dict[str, Any]:
        """``compute_statistics`` with what the config names.

        Args:
            samples: of the dataset.
            read: reads the reference corpus.
            known: further arguments of ``compute_statistics`` (``configured_rate``, ``layer_weights``, …).
        """
        corpus = read(self.reference) if read is not None and self.reference is not None else None
        found = compute_statistics(
            samples,
            seed=self.seed,
            checks=None if self.action == "off" else self.checks,
            reference=corpus,
            benchmarks=self._benchmarks() or None,
            decontaminate_n=self.decontaminate_n,
            **known,
        )
        if not self.with_statistics:
            found.pop("quality")
        return found


def _facts(path: Path) -> tuple[int, int]:
    state = path.stat()
    return state.st_size, state.st_mtime_ns
