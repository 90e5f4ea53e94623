# ruff: noqa: E501, RUF001 - word lists and patterns read best as they are
"""Slots of an English request, with their places: what a strategy can take out, blur or must leave alone."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass

from personaloom.text.spans import Kind, Scan, Span

__all__ = ["FIXED", "Slot", "find_slots"]

FIXED = frozenset({"link", "email", "file", "code", "quote", "name", "number", "object"})
"""Kinds of slot that no strategy takes out as a whole: removing them leaves no sentence, or touches what is protected."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One slot of a text.

    Attributes:
        name: ``deadline``, ``budget``, ``audience`` …; a second one of a kind is ``deadline_2``.
        value: as written.
        start, end: where the value stands.
        cut_start, cut_end: the phrase that goes with it when it is left out (``by Friday``).
    """

    name: str
    value: str
    start: int
    end: int
    cut_start: int
    cut_end: int

    @property
    def kind(self) -> str:
        """The name without its number."""
        return self.name.rpartition("_")[0] if self.name[-1].isdigit() else self.name


_NUM = r"(?:\d+(?:[.,]\d+)*+(?:\s?(?:-|–|to)\s?\d+)?|one|two|three|four|five|six|seven|eight|nine|ten|twelve|fifteen|twenty|thirty|fifty|a dozen)"
_WEEKDAY = r"(?:mon|tues|wednes|thurs|fri|satur|sun)day"
_MONTH = r"(?:january|february|march|april|may|june|july|august|september|october|november|december)"
_TECH = (
    r"python|javascript|typescript|java|c\+\+|c#|rust|golang|ruby|php|swift|kotlin|sql|postgres(?:ql)?|mysql|mongodb|react|"
    r"angular|vue|django|flask|fastapi|node(?:\.js)?|excel|word|powerpoint|google sheets|google docs|notion|figma|photoshop|"
    r"docker|kubernetes|git|github|aws|azure|linux|windows|bash|html|css|latex|matlab|pandas|numpy|pytorch|tensorflow|"
    r"tableau|power bi|salesforce|slack|jira|wordpress|shopify"
)
_TONGUES = (
    r"english|spanish|french|german|italian|portuguese|dutch|russian|arabic|hindi|chinese|mandarin|japanese|korean"
)
_PEOPLE = (
    r"beginners?|kids?|children|child|students?|teenagers?|adults?|seniors?|managers?|boss|teams?|clients?|customers?|"
    r"colleagues?|professors?|teachers?|audience|readers?|investors?|developers?|engineers?|executives?|patients?|parents?|"
    r"friends?|wife|husband|mother|father|mom|dad|daughter|son|sister|brother|family|newcomers?|experts?|users?|employees?|"
    r"stakeholders?|newbies?|grandmother|grandma|landlord|supervisor|coworkers?|board|year[- ]olds?"
)
_FORMS = (
    r"bullet(?:ed)?[- ](?:points?|lists?)|numbered lists?|step[- ]by[- ]step(?: guide| instructions)?|tables?|spreadsheet|"
    r"csv|json|yaml|xml|markdown|pdf|slides?|slide deck|flow ?chart|checklist|outline|essay|poem|haiku|diagram|paragraphs?|"
    r"list|email|memo|letter|blog post|tweet|q&a|faq|one[- ]pager"
)
_TONES = (
    r"formal|informal|casual|professional|friendly|polite|persuasive|humorous|funny|serious|academic|conversational|"
    r"concise|brief|short|detailed|simple|plain|technical|warm|neutral|enthusiastic|empathetic|creative|affordable|cheap|"
    r"quick|easy|thorough|comprehensive|beginner-friendly"
)
_DAY = (
    rf"(?:next |this |coming )?(?:{_WEEKDAY}|week(?:end)?|month|quarter|year|semester)|tomorrow(?: morning| afternoon| evening| night)?|"
    rf"tonight|today|noon|midnight|{_MONTH}(?: \d{{1,2}}(?:st|nd|rd|th)?)?(?:,? \d{{4}})?|\d{{1,2}}(?:st|nd|rd|th)?(?: of)? {_MONTH}|"
    rf"(?:the )?end of (?:the |this |next )?(?:day|week|month|quarter|year)|eod|\d{{1,2}}(?::\d\d)?\s?(?:am|pm|o'clock)|\d{{1,2}}:\d\d|"
    rf"\d{{4}}-\d\d-\d\d|\d{{1,2}}/\d{{1,2}}(?:/\d{{2,4}})?"
)
_PATTERNS: tuple[tuple[str, str], ...] = (
    ("budget", rf"(?:(?:for|with|on|of|at|within|under|below|around|about|up to|less than|at most|over)\s+){{0,2}}(?:a (?:total )?budget of )?(?P<v>[$€£]\s?\d+(?:[.,]\d+)*+\s?(?:k|million)?|{_NUM} (?:dollars|euros|pounds|bucks|usd|eur|gbp))\b"),
    ("length", rf"(?:(?:in|of|about|around|under|within|at most|up to|no more than|at least|maximum)\s+){{0,2}}(?P<v>{_NUM}[- ](?:words?|pages?|paragraphs?|sentences?|characters?|lines?|slides?))\b"),
    ("deadline", rf"(?:due |needed )?(?:by|before|until|on|at|for|from|in|this|starting)\s+(?P<v>(?:{_DAY})(?:\s+at\s+\d{{1,2}}(?::\d\d)?\s?(?:am|pm)?)?)\b"),
    ("deadline", r"(?P<v>\b(?:tomorrow(?: morning| afternoon| evening)?|tonight|next (?:week(?:end)?|month|year|semester)|this (?:week(?:end)?|month|afternoon|evening))\b)"),
    ("duration", rf"(?:(?:in|for|over|within|during|last(?:s|ing)?|about|next|under|the|less than|more than|at most|up to|every)\s+){{0,3}}(?P<v>(?:{_NUM}|an?|half an?)[- ](?:minutes?|mins?|hours?|days?|weeks?|months?|years?|weekends?))\b(?![- ]old)"),
    ("share", rf"(?:by |of |about )?(?P<v>{_NUM}\s?(?:%|percent\b))"),
    ("audience", rf"(?:aimed at|intended for|suitable for|for|to)\s+(?P<v>(?:(?:a|an|the|my|our|some|new|young|busy|small|non-technical|complete|absolute|group of|high school|college|university|first-year|(?:\d+|five|six|seven|eight|nine|ten)[- ])\s?){{0,3}}(?:{_PEOPLE}))\b"),
    ("format", rf"(?:as|in|into|using|in the form of|formatted as)\s+(?:an? )?(?P<v>(?:{_FORMS}))\b(?: form(?:at)?)?"),
    ("tool", rf"(?:in|with|using|via|on|to|into|for)\s+(?P<v>{_TECH})(?![\w+#])"),
    ("language", rf"(?:in|into|to|from)\s+(?P<v>{_TONGUES})(?!\w)"),
    ("constraint", r"(?P<v>\bwithout (?:(?:any|a|an|the|using|having|being|my|your|too|much|many|[a-z]{3,15}ing) ){0,3}[\w'-]{1,30})"),
    ("constraint", rf"(?P<v>\b(?:at least|at most|no more than|fewer than|more than|exactly) {_NUM} [\w'-]{{2,30}})"),
    ("quantity", rf"(?<![\w.$€£-])(?P<v>{_NUM}(?: (?!(?:and|or|of|in|on|for|to|is|are|the)\b)[\w'-]{{2,20}})? (?!(?:was|is|its|this|has)\b)[a-z][\w'-]{{1,20}}s)\b"),
    ("tone", rf"(?:in|with) an? (?P<v>(?:{_TONES})(?:,? (?:but |and )?(?:{_TONES}))?) (?:tone|style|manner|voice|way)\b"),
    ("location", r"(?:(?-i:in|at|near|around|from|to))\s+(?P<v>(?-i:(?:the )?[A-Z][\w'’.-]{1,30}(?: [A-Z][\w'’.-]{1,30}){0,3}))"),
    ("topic", r"(?:about|regarding|concerning|on the topic of|on the subject of)\s+(?P<v>(?!(?:it|this|that|them|you|me|the same)\b)[\w'’+#-]{2,30}(?: (?!(?:for|by|in|with|using|that|which|and|so|because|but|under|before|to|from|as|of|without|at|on|if|please)\b)[\w'’+#-]{1,30}){0,4})"),
    ("tool", rf"(?<![\w+#])(?P<v>{_TECH})(?![\w+#])"),
    ("format", r"(?P<v>\b(?:bullet(?:ed)?[- ](?:points?|lists?)|numbered lists?|step[- ]by[- ]step(?: guide| instructions)?))\b"),
    ("tone", rf"(?<![\w-])(?P<v>{_TONES})(?![\w-])"),
    ("detail", r"(?P<v>(?:before|after|during|because|so that|when|while|if|unless|since|although|even though|for|with|from|into|between|under|on|at|by|than|as|in) (?!(?:it|this|that|me|you|them|us|my own|general|particular|case|fact|addition|order|time)(?:(?![\w ])| (?:please|pls|plz|thanks|thank you)\b))(?:[^,.;:?!\n()\"`“”]|[.,:](?=\d)){3,70}?)(?=[,.:](?!\d)|[;?!\n()]|\Z| (?:and|or|but|for|with|by|when|if|because|so|that|which) )"),
)  # fmt: skip
_COMPILED = tuple((name, re.compile(rf"(?<!\w)(?:{pattern})", re.IGNORECASE)) for name, pattern in _PATTERNS)
_SPAN_SLOTS = {
    Kind.URL: "link", Kind.EMAIL: "email", Kind.PATH: "file", Kind.CODE: "code", Kind.IDENTIFIER: "name",
    Kind.QUOTE: "quote", Kind.NUMBER: "number", Kind.NAME: "name",
}  # fmt: skip
_SEALED = frozenset({Kind.CODE, Kind.URL, Kind.EMAIL, Kind.PATH, Kind.QUOTE})


class _Taken:
    """Places that are spoken for; kept sorted, so that asking is a bisection."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []

    def claim(self, start: int, end: int) -> bool:
        at = bisect_left(self._starts, end)
        if at and self._ends[at - 1] > start:
            return False
        self._starts.insert(at, start)
        self._ends.insert(at, end)
        return True


def find_slots(parsed: Scan) -> list[Slot]:
    """The slots of a text in order of place. Earlier patterns win where two overlap."""
    taken = _Taken()
    found: list[tuple[str, int, int, int, int]] = []
    found += [_as_slot(span) for span in parsed.protected if span.kind in _SEALED and taken.claim(span.start, span.end)]
    found += [match for match in _matches(parsed.text) if taken.claim(match[3], match[4])]
    found += [
        _as_slot(span) for span in parsed.protected if span.kind not in _SEALED and taken.claim(span.start, span.end)
    ]
    return _named(parsed.text, sorted(found, key=lambda item: item[1]))


def _as_slot(span: Span) -> tuple[str, int, int, int, int]:
    return _SPAN_SLOTS[span.kind], span.start, span.end, span.start, span.end


def _matches(text: str) -> Iterator[tuple[str, int, int, int, int]]:
    for name, pattern in _COMPILED:
        for match in pattern.finditer(text):
            yield name, match.start("v"), match.end("v"), match.start(), match.end()


def _named(text: str, found: list[tuple[str, int, int, int, int]]) -> list[Slot]:
    counts: dict[str, int] = {}
    slots = []
    for name, start, end, cut_start, cut_end in found:
        counts[name] = counts.get(name, 0) + 1
        label = name if counts[name] == 1 else f"{name}_{counts[name]}"
        slots.append(Slot(label, text[start:end], start, end, cut_start, cut_end))
    return slots
