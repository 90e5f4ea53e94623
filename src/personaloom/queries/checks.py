"""What a rewritten query must be; what is not is asked for again.

The checks are rules on the text, cheap and on the lenient side: they catch what small models really do (answer the
query, explain themselves, repeat an example, drop a number), not every flaw of style.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import pairwise

from personaloom.errors import EmptyReplyError, MalformedReplyError, RefusalError
from personaloom.text.loops import goes_round
from personaloom.text.offers import speaks_as_assistant
from personaloom.text.semantics import content_words, requests
from personaloom.text.spans import Kind, Scan, scan

__all__ = ["check_rewrite", "clean_label", "length_limit", "lost_parts", "states_instead", "wanders_off"]

_LABEL_LIMIT = 120
_KEPT = 1024
"""Texts of which is remembered what they are made of: several checks ask for it, and queries are dealt again."""

_REFUSAL = re.compile(
    r"\W*(?:(?:i'?m |i am )?sorry,? (?:but )?i (?:can(?:'?t|not)|am unable|am not able|won'?t)|as an ai\b|"
    r"i (?:can(?:'?t|not)|am unable to|won'?t) (?:help|assist|comply|rewrite|rephrase|fulfil|adapt|process))",
    re.IGNORECASE,
)
_ANSWER = re.compile(
    r"\W*(?:sure\b[,!.]|certainly\b[,!.]|of course\b[,!.]|absolutely\b[,!.]|great question|here(?:'s| is| are)\b|"
    r"(?:the )?(?:answer|adapted|rewritten|rephrased|reworded)(?: (?:query|version|text|message|request))?"
    r"(?: is\b|\s*:)|"
    r"(?:assistant|system)\s*:|to answer\b|\{\s*\")",
    re.IGNORECASE,
)
_LIST_LINE = re.compile(r"^[ \t]*(?:[-*•]|\d+[.)]|#{1,6})\s", re.MULTILINE)
_QUOTES = "`\"'\u201c\u201d\u2018\u2019\u00ab\u00bb"
_POSSESSIVE = re.compile("['\u2019]s$")
_TAG = re.compile(r"</?(?:seed_query|person|example|rewritten)\b", re.IGNORECASE)

# Who asks without a question mark names the wish or himself; an answer does neither.
_WISH = re.compile(
    r"\?|\b(?:please|pls|plz|wanna|gimme|lemme|wonder\w*|curious|looking for|trying to|"
    r"(?:tell|show|give|help|teach) (?:me|us)|"
    r"i(?:'d| would)? (?:need|want|like)|(?<!you )need|(?<!you )want|any (?:idea|advice|tip|suggestion)s?)\b",
    re.IGNORECASE,
)
_PERSON = re.compile(r"\b(?:i|i'(?:m|d|ve|ll)|me|my|mine|we|us|our)\b", re.IGNORECASE)
_STATES = re.compile(
    r"\b(?:is|are|was|were|has|have|had|means?|includes?|consists?|contains?|refers?|depends?|involves?|will|can|should|"
    r"could|may|might|must|helps?|allows?|makes?|takes?|hides?|needs?)\b",
    re.IGNORECASE,
)
_UNFINISHED = re.compile(r"\b(?:an?|the|and|or|if|because|my|your|their|our|its|very|than)\W*\Z|,\W*\Z", re.IGNORECASE)
_END = 60
"""So near its end a text stops in mid-sentence."""
_NEW_WORDS = 4
_NEW_WORDS_OF_PERSONS = 10
"""Words of content that an answer adds at least; a request in other words adds few and takes some along."""

_DIGITS = re.compile(r"\d+(?:[.,]\d+)*")
_WORD = re.compile(r"[^\W\d_]{4,}")
_SMALL = tuple(
    "zero one two three four five six seven eight nine ten eleven twelve "  # noqa: SIM905 - reads better than 21 strings
    "thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty".split()
)
_ANY_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?")
_EXCLUDES = re.compile(r"\b(?:without|except|excluding|avoid|no)\s+(.{0,40})", re.IGNORECASE)
_BOUNDS = re.compile(
    r"\b(?:under|below|within|at (?:most|least)|no (?:more|less|fewer) than|up to|only|must(?: not)?)\s+(.{0,40})",
    re.IGNORECASE,
)
_NEGATIVE = re.compile(
    r"\b(?:no|not|non|none|without|w/o|except|exclud\w*|avoid\w*|skip\w*|minus|nothing|never|neither|nor|free|zero|"
    r"\w+n'?t|less|sans|leave out|rather than|instead|hates?|out of|off)\b|-free",
    re.IGNORECASE,
)
_EMPTY_WORDS = frozenset(
    "that this with from your have what when than then them they been will would could "  # noqa: SIM905 - as above
    "should about some more most very much just like least doubt longer need problem idea matter "
    "without except excluding avoid under below within only must".split()
)
_EMPTY_STEMS = frozenset(word[:5] for word in _EMPTY_WORDS)


def length_limit(original: str) -> int:
    """How many characters a rewriting may have: three times the original and a long paragraph (about 150 words)."""
    return 3 * len(original) + 900


def check_rewrite(original: str, adapted: str, *, partial: bool, feature_names: Iterable[str] = ()) -> None:
    """Whether ``adapted`` can stand for ``original`` as a person's opening message.

    Args:
        original: the seed query.
        adapted: what the model wrote, stripped.
        partial: whether terms, numbers and constraints had to stay.
        feature_names: of the persona; a name such as ``tone_pref`` in the text is a leak.

    Raises:
        EmptyReplyError: there is no text.
        RefusalError: the model declined in words.
        MalformedReplyError: an answer, an explanation, far too long, about something else, or something got lost.
    """
    if not adapted:
        raise EmptyReplyError("the rewritten query is empty")
    if _REFUSAL.match(_fold(adapted)) and not _REFUSAL.match(_fold(original)):
        raise RefusalError(f"the stylist declined: {_excerpt(adapted)}")
    for problem in _problems(original, adapted, feature_names):
        raise MalformedReplyError(f"the rewritten query {problem}: {_excerpt(adapted)}")
    if partial and (lost := lost_parts(original, adapted)):
        listed = ", ".join(map(repr, lost[:5]))
        raise MalformedReplyError(f"the rewritten query lost what it had to keep ({listed}): {_excerpt(adapted)}")


def _problems(original: str, adapted: str, feature_names: Iterable[str]) -> Iterator[str]:
    limit = length_limit(original)
    if len(adapted) > limit:
        yield f"has {len(adapted)} characters where {limit} are sensible"
    if _ANSWER.match(_fold(adapted)) and not _ANSWER.match(_fold(original)):
        yield "reads like an answer"
    if speaks_as_assistant(adapted) and not speaks_as_assistant(original):
        yield "speaks as an assistant"
    if states_instead(original, adapted):
        yield "states something instead of asking for it"
    if _UNFINISHED.search(adapted, max(0, len(adapted) - _END)) and not _UNFINISHED.search(original):
        yield "stops in mid-sentence"
    if goes_round(adapted, 2) and not goes_round(original, 2):
        yield "says one thing twice and little else"
    if len(_LIST_LINE.findall(adapted)) >= 3 and not _LIST_LINE.search(original):
        yield "is a list, as answers are"
    if _TAG.search(adapted) and not _TAG.search(original):
        yield "holds a tag of the prompt"
    leaked = next((n for n in feature_names if "_" in n and n in adapted and n not in original), None)
    if leaked:
        yield f"names the feature {leaked}"
    stems = _stems(original)
    if wanders_off(original, adapted):
        yield "is about something else"
    if len(stems) >= 3 and not _share_one(stems, _stems(adapted)):
        yield "has no word in common with the original"


def states_instead(original: str, adapted: str) -> bool:
    """Whether a text that asks became one that tells: no question, no wish, and much that is new.

    A text in the first person has to be new for more than two thirds, because people ask in many ways.
    """
    text = _fold(adapted)
    if "?" in text or _WISH.search(text) or not _STATES.search(text):
        return False
    said = _content(adapted)
    new = len(said - _content(original))
    least = _NEW_WORDS
    if _PERSON.search(text):
        least = max(_NEW_WORDS_OF_PERSONS, 2 * (len(said) - new) + 1)
    return new >= least and _asks(original) and not _asks(adapted)


def _asks(text: str) -> bool:
    """Whether a text asks for something instead of just telling."""
    return any(request.kind != "tell" for request in requests(_scanned(text)))


def wanders_off(original: str, adapted: str) -> bool:
    """Whether less than a quarter of what the original speaks of is left, among three times as much that is new."""
    mine, said = _content(original), _content(adapted)
    kept, new = len(mine & said), len(said - mine)
    return new >= _NEW_WORDS_OF_PERSONS and 4 * kept < len(mine) and new > 3 * kept


def lost_parts(original: str, adapted: str) -> list[str]:
    """What a partial rewriting had to keep and has not: numbers, quotes, code, addresses, names, limits, exclusions."""
    folded = _fold(adapted)
    lost = _numbers(original)
    if lost:
        present = frozenset(_numbers(adapted))
        lost = [number for number in lost if number not in present and not _spelled(number, folded)]
    terms, objects = _named(original)
    lost += [part for part in terms if _fold(part) not in folded]
    lost += [word for word in objects if word[:5] not in folded]
    if (excluded := _EXCLUDES.search(original)) and not _NEGATIVE.search(folded):
        lost.append(excluded.group())
    return list(dict.fromkeys(lost))


def _numbers(text: str) -> list[str]:
    """In order, thousands separators taken out: ``1,200`` and ``1200`` are one number."""
    return [re.sub(r",(?=\d{3}(?!\d))", "", number) for number in _DIGITS.findall(text)]


def _spelled(number: str, folded: str) -> bool:
    return number.isdecimal() and int(number) < len(_SMALL) and _SMALL[int(number)] in folded


@lru_cache(maxsize=_KEPT)
def _named(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What a text names literally, and what it excludes and bounds."""
    return tuple(_terms(text)), tuple(word for pattern in (_EXCLUDES, _BOUNDS) for word in _objects(pattern, text))


def _terms(text: str) -> Iterator[str]:
    for span in _scanned(text).protected:
        piece = text[span.start : span.end]
        if span.kind is Kind.NUMBER or (span.kind is Kind.NAME and _opens_sentence(text, span.start)):
            continue  # numbers are compared as numbers; a capital there may be just grammar
        yield piece.strip(_QUOTES) if span.kind in {Kind.QUOTE, Kind.CODE} else _POSSESSIVE.sub("", piece)


def _opens_sentence(text: str, start: int) -> bool:
    before = text[:start].rstrip(" \t(*-" + _QUOTES)
    return not before or before[-1] in ".!?:…\n"


def _objects(pattern: re.Pattern[str], text: str) -> Iterator[str]:
    """The first word with content after each cue: ``dairy`` of ``without any dairy``."""
    for match in pattern.finditer(text):
        words = [word.casefold() for word in _ANY_WORD.findall(match.group(1))[:3]]
        complete = words if match.end() == len(text) else words[:-1] or words
        word = next((w for w in complete if w.isalpha() and len(w) >= 4 and w not in _EMPTY_WORDS), None)
        if word:
            yield word


@lru_cache(maxsize=64)
def _scanned(text: str) -> Scan:
    """A text taken apart; several checks of one rewriting ask for it."""
    return scan(text)


@lru_cache(maxsize=_KEPT)
def _content(text: str) -> frozenset[str]:
    """The words of content of a text, likewise."""
    return frozenset(content_words(text))


@lru_cache(maxsize=_KEPT)
def _stems(text: str) -> frozenset[str]:
    """Beginnings of the longer words, so that inflected forms match; pairs of characters where there are none."""
    stems = frozenset([word.casefold()[:5] for word in _WORD.findall(text)]) - _EMPTY_STEMS
    if stems and not text.isascii() and " " not in text.strip():  # a script that is written without spaces
        return frozenset("".join(pair) for pair in pairwise(text))
    return stems


def _share_one(stems: frozenset[str], others: frozenset[str]) -> bool:
    """Whether two sets have a beginning in common; ``hide`` and ``hides`` do."""
    return not stems.isdisjoint(others) or any(a.startswith(b) or b.startswith(a) for a in stems for b in others)


def clean_label(label: str, known: Iterable[str]) -> str | None:
    """A domain or scenario as the bank spells it, else as the model wrote it, trimmed; None where it says nothing.

    Raises:
        MalformedReplyError: it is a text, not a label.
    """
    text = " ".join(label.split()).strip(" \"'`.").strip()
    if len(text) > _LABEL_LIMIT:
        raise MalformedReplyError(f"a label has {len(text)} characters, not a few words: {_excerpt(text)}")
    folded, spellings = _known(tuple(known))
    if not text or text.casefold() in {"none", "unknown", "n/a", "null", "other"} - folded:
        return None
    return spellings.get(_label_key(text), text)


@lru_cache(maxsize=32)
def _known(labels: tuple[str, ...]) -> tuple[frozenset[str], dict[str, str]]:
    """The labels in lower case, and each by its key: the same few lists are asked for with every query."""
    return frozenset(label.casefold() for label in labels), {_label_key(label): label for label in labels}


def _label_key(label: str) -> str:
    return " ".join(re.sub(r"[_\-\s]+", " ", label.casefold()).split())


@lru_cache(maxsize=_KEPT)
def _fold(text: str) -> str:
    return " ".join(text.casefold().replace("\u2019", "'").replace("\u2018", "'").split())


def _excerpt(text: str, limit: int = 80) -> str:
    line = " ".join(text.split())
    return repr(line if len(line) <= limit else line[: limit - 1] + "…")
