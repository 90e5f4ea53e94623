"""The command line as written → an ``Invocation``: the seed's flags become overrides, verbs are set apart.

Flags and overrides may stand in any order. Whatever can be refused without composing a config is refused here, all of
it at once: unknown flags, flags that contradict an override, and keys that stand on the command line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from personaloom.cli.flags import ELSEWHERE, as_overrides, by_name
from personaloom.config.nearest import choices
from personaloom.config.secrets import holds_secret, redact
from personaloom.errors import ConfigError, Fault

__all__ = ["VERBS", "Invocation", "parse"]

VERBS = ("preview", "estimate", "compare", "fetch", "migrate", "dataset", "annotate", "arms", "preferences", "ledger")
HEADLINE = "the command line cannot be used"
_ON_THE_LINE = "a key stands on the command line, where other programs and the shell's history can read it"


@dataclass(slots=True)
class Invocation:
    """A command line, understood.

    Attributes:
        overrides: in Hydra's grammar, flags included, verbs not.
        config: the file of ``--config``.
        config_dirs: in the order given.
        action: ``run``, ``multirun``, ``cfg``, ``help`` or ``version``.
        resolve: ``--resolve``.
        verbs: ``{"preview": "3"}``.
        source: the file of ``--from``.
    """

    overrides: list[str] = field(default_factory=list)
    config: Path | None = None
    config_dirs: list[Path] = field(default_factory=list)
    action: str = "run"
    resolve: bool = False
    verbs: dict[str, str] = field(default_factory=dict)
    source: Path | None = None


def parse(argv: Sequence[str]) -> Invocation:
    """Understand a command line.

    Raises:
        ConfigError: with every fault of it; exit code 2.
    """
    given, words, faults = _split(argv)
    faults += _literal_keys(words)
    action, more = _action(given)
    paths = list(dict.fromkeys(given.get("--config", [])))
    if len(paths) > 1:
        faults.append(Fault("--config", f"is given twice: {' and '.join(paths)}", "keep one"))
    verbs = dict(word.partition("=")[::2] for word in words if word.partition("=")[0] in VERBS)
    if verbs.get("estimate") == "false":
        del verbs["estimate"]
    if "--estimate" in given:
        verbs["estimate"] = "true"
    overrides = [word for word in words if word.partition("=")[0] not in VERBS]
    from_flags, wrong = as_overrides(given, overrides)
    faults += [*more, *wrong]
    if faults:
        raise ConfigError(faults, HEADLINE)
    return Invocation(
        overrides=_lists_and_modes([*overrides, *from_flags], sweep=action == "multirun"),
        config=Path(paths[0]) if paths else None,
        config_dirs=[Path(value) for value in given.get("--config-dir", [])],
        action=action,
        resolve="--resolve" in given,
        verbs=verbs,
        source=Path(given["--from"][-1]) if "--from" in given else None,
    )


def _split(argv: Sequence[str]) -> tuple[dict[str, list[str]], list[str], list[Fault]]:
    """Flags with their values under their first name, the words that are no flags, and what is wrong."""
    given: dict[str, list[str]] = {}
    words: list[str] = []
    faults: list[Fault] = []
    known, rest = by_name(), list(argv)
    while rest:
        word = rest.pop(0)
        if not word.startswith("-") or word == "-":
            words.append(word)
            continue
        name, equals, value = word.partition("=")
        flag = known.get(name)
        if flag is None:
            remedy = ELSEWHERE.get(name) or choices(name, known, what="flags:")
            faults.append(Fault(redact(name), "there is no such flag", remedy))
        elif not flag.value:
            if equals:
                faults.append(Fault(name, f"takes no value, and has {redact(value)!r}", f"write {name} alone"))
            given.setdefault(flag.names[0], []).append("")
        elif equals or (rest and not rest[0].startswith("--")):
            given.setdefault(flag.names[0], []).append(value if equals else rest.pop(0))
        else:
            faults.append(Fault(name, "has no value", f"write {name} {flag.value}"))
    return given, words, faults


def _literal_keys(words: Sequence[str]) -> list[Fault]:
    """A fault for each word that holds a key; the key is not repeated."""
    remedy = "export it and name the variable: llm.api_key_env=NAME"
    split = [word.partition("=") for word in words]
    return [Fault(redact(key), _ON_THE_LINE, remedy) for key, _, value in split if holds_secret(key, value)]


def _action(given: dict[str, list[str]]) -> tuple[str, list[Fault]]:
    if "-h" in given or "--version" in given:
        return ("help" if "-h" in given else "version"), []
    faults = []
    if "--cfg" in given and "-m" in given:
        faults.append(Fault("--cfg", "shows one config, and -m makes several", "leave out -m"))
    if "--resolve" in given and "--cfg" not in given:
        faults.append(Fault("--resolve", "has nothing to resolve", "use it with --cfg job"))
    return ("cfg" if "--cfg" in given else "multirun" if "-m" in given else "run"), faults


def _lists_and_modes(overrides: Sequence[str], *, sweep: bool) -> list[str]:
    """``stages=a,b`` without -m is one run of two stages; ``mode=basic`` alone brings its stages with it."""
    out: list[str] = []
    for override in overrides:
        key, _, value = override.partition("=")
        if key == "stages" and value.strip() == "all":
            out.append("stages=enhanced")
        elif key == "stages" and not sweep and ("," in value or value.startswith("[")):
            out += ["stages=custom", f"stages.run=[{value.strip(' []')}]"]
        else:
            out.append(override)
    keys = {override.partition("=")[0].lstrip("+") for override in out}
    if "mode=basic" in out and not keys & {"stages", "stages.run"}:
        out.append("stages=basic")
    return out
