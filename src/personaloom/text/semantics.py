# ruff: noqa: E501, RUF001 - word lists and patterns read best as they are
"""What an English user text asks for, by rules: intents as short verb phrases, slots as written.

Rules see less than a model does, but they see the same thing in a text and in its noisy version, and that comparison is
what the contracts of noise need.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from personaloom.records import Semantics
from personaloom.text.lexicon import FUNCTION_WORDS, NUMBER_WORDS, QUESTION_WORDS, REQUEST_VERBS, VERB_CLASS
from personaloom.text.slots import Slot, find_slots
from personaloom.text.spans import Scan, scan

__all__ = ["Request", "content_words", "extract", "lemma", "requests", "same_verb", "semantics_of", "slots_of"]

_WORD = re.compile(r"[^\W\d_]+(?:['’\-][^\W\d_]+)*|\d+(?:[.,:]\d+)*")
_VERBS = "|".join(sorted(REQUEST_VERBS, key=len, reverse=True))
_BREAK = re.compile(
    r"[.!?;…\n]+(?:\s|\Z)|\n+|,?\s*\b(?:oh )?and also\b|\bbtw\b|\bby the way\b|\bone more thing\b|\bwhile (?:you're|you are|ur) at it\b|"
    r"\balmost forgot\b|\bscratch that\b|\bactually wait\b|\bno actually\b|\bon second thought\b|\balso,?(?= (?:can|could|would|please|i))|"
    rf",?\s+\b(?:and then|and|then)(?= (?:also |then |please )?(?:{_VERBS})\b(?! and\b))",
    re.IGNORECASE,
)
_LEAD = re.compile(
    r"(?:(?:hey|hi|hello|yo|so|ok|okay|please|pls|plz|kindly|also|and|then|well|now|basically|but|um|uh|just|first|next|thanks|"
    r"thank you|quick question|sorry|actually|maybe|oh|there|again|right|alright|great|cool|perfect|yes|yeah|no)\b[\s,:!.\-–—]*){1,6}",
    re.IGNORECASE,
)
_PERSON = r"(?:i|we|me|u|you|someone|one|people)"
_ADVERB = r"(?:(?:please|pls|kindly|maybe|just|also|possibly|perhaps|really|quickly|briefly|help me(?: to)?|help us(?: to)?) ){0,3}"
_FORMS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(pattern, re.IGNORECASE))
    for kind, pattern in (
        ("ask", rf"(?:can|could|would|will|can't|couldn't|can not|wanna) {_PERSON} {_ADVERB}(?P<verb>[a-z]+)(?P<rest>.*)"),
        ("want", rf"(?:(?:i|we)(?:['’](?:d|m|ll|ve|re)| am| are| have| would)? ?)?(?:(?:also|really|just|now) )?(?:would like|like|want|wanted|need|hope|hoping|wish|trying|tryna|looking|plan|planning|wanna|gotta|going|struggling|unsure how|not sure how|don['’]?t know how|dont know how|have no idea how)(?: (?:you|u|some help|help|your help))?(?: to)? {_ADVERB}(?P<verb>[a-z]+)(?P<rest>.*)"),
        ("help", rf"(?:i |we )?(?:need |want )?(?:some )?help (?:me |us )?(?:to |with |in )?{_ADVERB}(?P<verb>[a-z]+)(?P<rest>.*)"),
        ("how", rf"(?:.{{0,40}}\b)?how (?:(?:do|can|should|would|could|to|does|did|might) )(?:{_PERSON} )?{_ADVERB}(?P<verb>[a-z]+)(?P<rest>.*)"),
    )
)  # fmt: skip
_QUESTION = re.compile(
    r"(?P<verb>what|what's|whats|how|why|when|where|which|who|whose|is|are|do|does|did|should|can|could|would|will|has|have|was|were|am|"
    r"isn't|aren't|don't|doesn't|shouldn't|any)\b(?P<rest>.*)",
    re.IGNORECASE,
)
_TAIL = re.compile(r"\b(?:because|since|so that|cuz|although|if you can|if possible|please|thanks)\b.*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Request:
    """One thing that a text asks for.

    Attributes:
        verb: its verb in base form, or the question word.
        words: content words of its object, at most six.
        phrase: verb and object, for people.
        start, end: the clause it stands in.
        verb_start, verb_end: where the verb stands, -1 for none.
        kind: ask, want, help, how, question, order or (nothing asked) tell.
    """

    verb: str
    words: tuple[str, ...]
    phrase: str
    start: int
    end: int
    verb_start: int
    verb_end: int
    kind: str


def lemma(verb: str) -> str:
    """A verb's base form, as far as endings tell."""
    verb = verb.lower()
    if verb in REQUEST_VERBS:
        return verb
    for ending, replacements in (("ing", ("", "e")), ("ed", ("", "e")), ("es", ("", "e")), ("s", ("",))):
        if verb.endswith(ending):
            stem = verb[: -len(ending)]
            for replacement in replacements:
                if stem + replacement in REQUEST_VERBS:
                    return stem + replacement
            if len(stem) > 2 and stem[-1] == stem[-2] and stem[:-1] in REQUEST_VERBS:
                return stem[:-1]
    return verb


def content_words(text: str) -> list[str]:
    """Words and numbers that carry content, in lower case and in order; number words become digits."""
    words = _WORD.findall(text.lower().replace("’", "'"))
    said = [word for word in words if word not in FUNCTION_WORDS and (len(word) > 1 or word.isdigit())]
    return [NUMBER_WORDS.get(word, word) for word in said]


def _clauses(parsed: Scan) -> Iterator[tuple[int, int]]:
    """Clauses outside code; a break inside a protected span does not count."""
    text, spans, at = parsed.text, parsed.protected, 0
    start = 0
    for match in _BREAK.finditer(text):
        while at < len(spans) and spans[at].end <= match.start():
            at += 1
        if at < len(spans) and spans[at].start < match.start():
            continue
        yield start, match.start()
        start = match.end()
    yield start, len(text)


def _request(text: str, start: int, end: int) -> Request | None:
    clause = text[start : min(end, start + 600)]
    lead = len(clause) - len(clause.lstrip(" \t,:-–—*•\"'(>#"))
    body = clause[lead:]
    opening = _LEAD.match(body)
    if opening and body[opening.end() :].strip():
        lead += opening.end()
        body = clause[lead:]
    for kind, pattern in _FORMS:
        match = pattern.match(body)
        if match and (kind == "how" or lemma(match["verb"]) in REQUEST_VERBS or kind == "ask"):
            return _made(kind, match, start + lead, start, end)
        if match and kind == "want" and match["verb"].lower() not in {"that", "it", "this"}:
            return _made("want", match, start + lead, start, end, verb="want")
    first = _WORD.match(body)
    if first and first.group().lower() in REQUEST_VERBS:
        return _built("order", first.group().lower(), body[first.end() :], start, end, start + lead, first.end())
    match = _QUESTION.match(body)
    if match and (
        match["verb"].lower() in QUESTION_WORDS or "?" in text[end : end + 2] or clause.rstrip().endswith("?")
    ):
        return _made("question", match, start + lead, start, end)
    return None


def _made(kind: str, match: re.Match[str], offset: int, start: int, end: int, verb: str = "") -> Request:
    rest = match["rest"] if not verb else f"{match['verb']} {match['rest']}"
    built = _built(
        kind, verb or lemma(match["verb"]), rest, start, end, offset + match.start("verb"), len(match["verb"])
    )
    return built if not verb else Request(built.verb, built.words, built.phrase, start, end, -1, -1, kind)


def _built(kind: str, verb: str, rest: str, start: int, end: int, place: int, length: int) -> Request:
    words = tuple(content_words(_TAIL.sub("", rest))[:6])
    if kind == "help" and verb not in REQUEST_VERBS:
        words, verb = (verb, *words)[:6], "help"
    return Request(verb, words, " ".join((verb, *words)).strip(), start, end, place, place + length, kind)


_CUT = re.compile(r"[,:–—]\s|\s-\s|\b(?:but|so|and)\s")


def _behind(text: str, start: int, end: int) -> Request | None:
    """The request behind an aside: ``sorry, on the train here, can you …``."""
    for match, _ in zip(_CUT.finditer(text, start, min(end, start + 300)), range(6), strict=False):
        request = _request(text, match.end(), end)
        if request is not None:
            return request
    return None


_LEADS_IN = frozenset(
    ["question", "questions", "help", "something", "ask", "hand", "favor", "favour", "advice", "thing"]
)


def _only_leads_in(request: Request) -> bool:
    """``I have a question`` and ``I need some help`` announce a request and are none."""
    return request.kind in {"want", "help"} and set(request.words) <= _LEADS_IN


def requests(parsed: Scan) -> list[Request]:
    """All requests of a text in order; for a text that asks for nothing, one of kind ``tell`` where it has content."""
    found: list[Request] = []
    for start, end in _clauses(parsed):
        if parsed.text[start:end].strip():
            request = _request(parsed.text, start, end) or _behind(parsed.text, start, end)
            if request and (request.words or request.kind != "question") and not _only_leads_in(request):
                found.append(request)
    if found:
        return found
    words = tuple(content_words(parsed.text[:2000])[:6])
    if not words:
        return []
    return [Request("tell", words, " ".join(words), 0, len(parsed.text), -1, -1, "tell")]


_OBJECT_LEAD = re.compile(
    r"(?:[\s,]+|(?:me|us|the|an?|my|our|your|some|this|that|these|those|is|are|was|were|do|does|did|should|can|i|you|we|it|to|with|of|"
    r"about|best|way|difference between|there|any)(?![\w'’-])){0,16}",
    re.IGNORECASE,
)
_OBJECT_END = re.compile(
    r"[,.;:?!()\n\"“”]|\s(?:for|by|in|with|using|that|which|who|so|because|but|before|after|to|from|as|without|at|on|if|and|or|please|"
    r"when|while|where|about|into|under|until|is|are|thanks)(?![\w'’-])",
    re.IGNORECASE,
)


_LOOSE_END = re.compile(r"(?:\s+(?:of|the|a|an|my|our|your))+$", re.IGNORECASE)


def _object_slot(parsed: Scan, request: Request, slots: list[Slot]) -> Slot | None:
    """The thing that the first request is about, where no other slot covers it."""
    if request.verb_start < 0:
        return None
    tail = parsed.text[request.verb_end : min(request.end, request.verb_end + 200)]
    lead = _OBJECT_LEAD.match(tail)
    start = request.verb_end + (lead.end() if lead else 0)
    close = _OBJECT_END.search(parsed.text, start, request.verb_end + len(tail))
    end = close.start() if close else request.verb_end + len(tail)
    for slot in slots:
        if slot.cut_start < end and start < slot.cut_end:
            if slot.kind != "tone" and slot.cut_start > start:
                end = min(end, slot.cut_start)
            elif slot.cut_end <= start or slot.kind in {"tone", "length", "quantity"}:
                start = max(start, slot.cut_end)
            else:
                return None
    value = parsed.text[start:end]
    start += len(value) - len(value.lstrip())
    value = _LOOSE_END.sub("", value.strip())
    words = content_words(value)
    if not words or len(words) > 6:
        return None
    return Slot("object", value, start, start + len(value), start, start + len(value))


def slots_of(parsed: Scan, asked: Sequence[Request] | None = None) -> list[Slot]:
    """The slots of a text with their places, in order; the thing asked about is ``object``.

    Args:
        parsed: the text.
        asked: its requests, where the caller has them already.
    """
    slots = find_slots(parsed)
    asked = requests(parsed) if asked is None else asked
    thing = _object_slot(parsed, asked[0], slots) if asked else None
    if thing is None:
        return slots
    return sorted([*slots, thing], key=lambda slot: slot.start)


def extract(text: str) -> Semantics:
    """Intents and slots of an English text; empty where it says nothing that the rules can read.

    ``missing``, ``vague`` and ``conflicts`` stay empty: they compare two texts, see ``contracts.check``.
    """
    parsed = scan(text)
    asked = requests(parsed)
    return semantics_of(asked, slots_of(parsed, asked))


def semantics_of(asked: Sequence[Request], slots: Sequence[Slot]) -> Semantics:
    """Intents and slots of a text, from its requests and slots with their places."""
    intents = list(dict.fromkeys(request.phrase for request in asked))
    return Semantics(intents=intents, slots={slot.name: slot.value for slot in slots})


def same_verb(first: str, second: str) -> bool:
    """Whether two verbs ask for the same kind of thing."""
    if first == second:
        return True
    return VERB_CLASS.get(first, -1) == VERB_CLASS.get(second, -2)
