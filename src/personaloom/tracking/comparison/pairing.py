"""Whether two datasets hold the same conversations up to the first message that the level changed, and if not, why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from personaloom.tracking.comparison.members import Member
from personaloom.tracking.folder import noise_of

__all__ = ["Pairing", "first_difference"]

_NOISE_ROLES = ("noise", "extractor", "judge")
_STAGES = ("personas", "prompts", "queries")


@dataclass
class Pairing:
    """What was found comparing one dataset with its baseline, conversation by conversation.

    Attributes:
        equal: conversations equal up to the first unit that differs.
        early: conversations of the same persona and query that part before noise does; the first few by id.
        other: conversations with another persona or query; the first few by id.
        missing: conversations that only one of the two has.
        unnested: units that are noisy at the lower rate and not, or in another layer, at the higher.
    """

    equal: int = 0
    same_input: int = 0
    missing: int = 0
    early: list[str] = field(default_factory=list)
    early_count: int = 0
    other: list[str] = field(default_factory=list)
    other_count: int = 0
    unnested: int = 0

    def add(self, slot: str, base: Mapping[str, Any] | None, talk: Mapping[str, Any] | None) -> int | None:
        """Note one conversation of both; gives the turn of the first difference, or None where there is none."""
        if base is None or talk is None:
            self.missing += 1
            return None
        if _input(base) != _input(talk):
            self.other_count += 1
            self.other = [*self.other, slot][:3]
            return 0
        self.same_input += 1
        turn, by_noise = first_difference(base, talk)
        if by_noise:
            self.equal += 1
        else:
            self.early_count += 1
            self.early = [*self.early, slot][:3]
        self.unnested += _unnested(base, talk, turn)
        return turn

    @property
    def paired(self) -> bool:
        """Whether differences are taken conversation by conversation."""
        return self.same_input > 0 and self.other_count <= self.same_input // 10

    def say(self, base: Member, member: Member) -> str:
        """``ok (40)``, or why not."""
        left_out = f"; {self.other_count} left out: made up with another query" if self.other_count else ""
        missing = f"; {self.missing} only in one of the two" if self.missing else ""
        if not self.paired:
            return f"no: {_why_inputs_differ(base, member)}{missing}"
        if not self.early_count:
            nested = f"; {self.unnested} draws not nested" if self.unnested else ""
            return f"ok ({self.equal}){left_out}{missing}{nested}"
        why = _why_replies_differ(base, member) or f"texts part before the first noisy message in {self.early[0]}"
        return f"by persona and query only ({self.same_input}): {why}{left_out}{missing}"


def first_difference(base: Mapping[str, Any], talk: Mapping[str, Any]) -> tuple[int | None, bool]:
    """The first turn whose texts differ, and whether noise is what made it differ (or nothing differs)."""
    ours, theirs = base.get("messages") or [], talk.get("messages") or []
    for place, (one, other) in enumerate(zip(ours, theirs, strict=False)):
        if one.get("content") != other.get("content"):
            turn = place // 2
            return turn, place % 2 == 0 and _by_noise(base, talk, turn)
    if len(ours) != len(theirs):
        return min(len(ours), len(theirs)) // 2, False
    return None, True


def _by_noise(base: Mapping[str, Any], talk: Mapping[str, Any], turn: int) -> bool:
    """The clean texts are equal, and noise was applied to at least one of the two."""
    one, other = _result(base, turn), _result(talk, turn)
    if not one and not other:
        return False
    return bool(_clean(base, one, turn) == _clean(talk, other, turn))


def _result(talk: Mapping[str, Any], turn: int) -> Mapping[str, Any]:
    results = noise_of(dict(talk))
    return (results[turn] if turn < len(results) else None) or {}


def _clean(talk: Mapping[str, Any], result: Mapping[str, Any], turn: int) -> Any:
    if result:
        return result.get("original_text")
    return (talk.get("messages") or [])[2 * turn].get("content")


def _input(talk: Mapping[str, Any]) -> tuple[Any, ...]:
    return talk.get("persona_id"), talk.get("persona_features"), talk.get("original_query")


def _unnested(base: Mapping[str, Any], talk: Mapping[str, Any], until: int | None) -> int:
    """Units up to the first difference that one level drew in a layer and the other drew in another one."""
    pairs = list(zip(noise_of(dict(base)), noise_of(dict(talk)), strict=False))
    both = [(one or {}, other or {}) for turn, (one, other) in enumerate(pairs) if until is None or turn <= until]
    return sum(
        one.get("layer") is not None and other.get("layer") is not None and one["layer"] != other["layer"]
        for one, other in both
    )


def _why_inputs_differ(base: Member, member: Member) -> str:
    seeds = [_seeds(each) for each in (base, member)]
    said = [
        f"seeds.{name} {seeds[0][name]} and {seeds[1].get(name)}"
        for name in seeds[0]
        if seeds[0][name] != seeds[1].get(name)
    ]
    prints = [each.manifest.get("fingerprints") or {} for each in (base, member)]
    parts = [name for name in _STAGES if prints[0].get(name) != prints[1].get(name)]
    what = parts[0] if parts else "personas or queries"
    return f"the {what} differ" + (f" ({', '.join(said)})" if said else "")


def _why_replies_differ(base: Member, member: Member) -> str:
    one, other = _models(base), _models(member)
    differing = [role for role in one if one[role] != other.get(role)]
    if differing:
        role = differing[0]
        return f"models differ ({role}: {', '.join(one[role])} and {', '.join(other.get(role, ['none']))})"
    settings = [(each.manifest.get("config") or {}).get("interaction") for each in (base, member)]
    if settings[0] != settings[1]:
        return "the interaction settings differ"
    if _seeds(base).get("generation") != _seeds(member).get("generation"):
        return "seeds.generation differs"
    return ""


def _seeds(member: Member) -> dict[str, Any]:
    return dict(member.manifest.get("seeds") or {})


def _models(member: Member) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    entries: Sequence[Mapping[str, Any]] = member.manifest.get("models") or []
    for entry in entries:
        role = str(entry.get("role"))
        if role not in _NOISE_ROLES:
            found.setdefault(role, []).append(str(entry.get("model")))
    return {role: sorted(names) for role, names in found.items()}
