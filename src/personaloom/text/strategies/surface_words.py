# ruff: noqa: E501, RUF001 - word lists and patterns read best as they are
"""Surface noise in the words themselves: colloquial forms, typos, synonyms, wrong word breaks."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from itertools import pairwise

from personaloom.keyed import Key
from personaloom.text.lexicon import FUNCTION_WORDS
from personaloom.text.misspellings import HOMOPHONES, MISSPELLINGS
from personaloom.text.phrases import OPENERS
from personaloom.text.register import register
from personaloom.text.semantics import requests
from personaloom.text.similarity import FuzzySet, tokens
from personaloom.text.spans import scan
from personaloom.text.strategies.base import free_places, handles, pick_some, prefix, splice, tier
from personaloom.text.synonyms import COLLOQUIAL, COLLOQUIAL_PATTERN, PHRASES, SYNONYMS, synonym_group
from personaloom.text.typos import add_typos

__all__ = [
    "colloquial_speech",
    "detect_colloquial",
    "detect_segmentation",
    "detect_synonyms",
    "detect_typos",
    "synonym_rewrite",
    "typo_misspelling",
    "word_segmentation",
]

_OPENER = re.compile(
    r"(?:well|so|soo+|okay|ok|alright|hey|yo|hiya|yeah|lol|basically|honestly|like|um+|uh+|hmm+|dude|man)\b",
    re.IGNORECASE,
)
_INFORMAL = re.compile(
    r"(?<![\w'’])(?:"
    + "|".join(sorted({re.escape(form.lower()) for form, _ in COLLOQUIAL.values()} - {"help", "about", "use", "buy", "need", "get", "want to", "can you", "mind"}))
    + r"|u|ur|r|plz|cos|coz|dont|cant|wont|im|ive|id|lol|tbh|imo|idk|lmk|hey|yo|hiya|yeah|yep|nope|guys|folks|stuff|kinda|sorta|super|"
    r"gonna|wanna|tryna|gotta|lemme|gimme|dunno|ain['’]t|y['’]all|ok|okay|so|soo+|well|basically|honestly|like|a bit|bunch|cool|awesome|lots|"
    r"\w+n['’]t|\w+['’](?:re|ve|ll|d|m|s)|can you|need|want|wondering|thing)(?![\w'’])",
    re.IGNORECASE,
)  # fmt: skip


def colloquial_speech(text: str, key: Key, features: Mapping[str, str]) -> str | None:
    """Contractions and relaxed words; how relaxed follows the persona."""
    if not handles(text):
        return None
    level, parsed = tier(features), scan(text)
    places = [
        (start, end)
        for start, end in free_places(parsed, COLLOQUIAL_PATTERN)
        if COLLOQUIAL[text[start:end].lower()][1] <= level
    ]
    chosen = pick_some(places, key, 0.45 + 0.2 * level, "forms")
    edits = []
    for start, end in chosen:
        new = COLLOQUIAL[text[start:end].lower()][0]
        edits.append((start, end, new[0].upper() + new[1:] if text[start].isupper() and level < 2 else new))
    out = splice(text, edits)
    if not edits or (level == 2 and key.chance(0.3, "opener")):
        out = prefix(out, key.choice(OPENERS[level], "which opener"))
    return out if out != text else None


def detect_colloquial(clean: str, noisy: str) -> bool:
    """An informal form that the clean text has not."""
    before = Counter(match.group().lower().replace("’", "'") for match in _INFORMAL.finditer(clean))
    after = Counter(match.group().lower().replace("’", "'") for match in _INFORMAL.finditer(noisy))
    return bool(after - before) or (_OPENER.match(noisy.lstrip()) is not None and _OPENER.match(clean.lstrip()) is None)


def typo_misspelling(text: str, key: Key, features: Mapping[str, str]) -> str | None:
    """One to three typing slips, fewer and subtler for a careful or formal persona."""
    if not handles(text):
        return None
    voice = register(features)
    most = 1 if voice.subtle else 3
    return add_typos(text, key, rate=0.1 * voice.typo_factor, most=most, subtle=voice.subtle)


def detect_typos(clean: str, noisy: str) -> bool:
    """A token that the clean text has not, is no everyday word, and is one slip away from one that it has."""
    before, after = Counter(tokens(clean)), Counter(tokens(noisy))
    gone = [word for word in before - after if word.isalpha() or "'" in word]
    fresh = [word for word in after - before if len(word) > 1]
    if not gone or not fresh:
        return False
    forms = {form for word in gone for form in (*MISSPELLINGS.get(word, ()), *HOMOPHONES.get(word, ()))}
    if any(word in forms for word in fresh):
        return True
    meant = {group for word in gone for group in synonym_group(word)}
    index = FuzzySet([word for word in gone if len(word) >= 4])
    return any(
        len(word) >= 3 and word not in FUNCTION_WORDS and index.near(word) and meant.isdisjoint(synonym_group(word))
        for word in fresh
    )


def synonym_rewrite(text: str, key: Key, features: Mapping[str, str]) -> str | None:
    """Some everyday words replaced by others that mean the same; the thing asked about keeps its name."""
    if not handles(text):
        return None
    parsed = scan(text)
    first = next(iter(requests(parsed)), None)
    asked = set(first.words[:2]) if first else set()
    places = [(w.start, w.end) for w in parsed.words if w.lower in SYNONYMS and w.lower not in asked]
    places = places or [(w.start, w.end) for w in parsed.words if w.lower in SYNONYMS]
    edits = []
    for start, end in pick_some(places, key, 0.3 + 0.1 * tier(features), "words"):
        old = text[start:end]
        new = key.choice(SYNONYMS[old.lower()], "synonym", start)
        edits.append((start, end, new[0].upper() + new[1:] if old[0].isupper() else new))
        if article := re.search(r"(?<!\w)([Aa])(n?)(\s+)\Z", text[max(0, start - 5) : start]):
            right = (
                article[1] + ("n" if new[0].lower() in "aeiou" and new not in {"use", "utilize"} else "") + article[3]
            )
            edits.append((start - len(article.group()), start, right))
    out = splice(text, edits)
    return out if out != text else None


def detect_synonyms(clean: str, noisy: str) -> bool:
    """A word of the clean text is gone, and one of the same meaning has come."""
    before, after = Counter(tokens(clean)), Counter(tokens(noisy))
    gone, fresh = before - after, after - before
    wanted: set[int] = set()
    for word in gone:
        wanted |= synonym_group(word)
    if any(synonym_group(word) & wanted for word in fresh):
        return True
    lower, before_lower = noisy.lower(), clean.lower()
    return any(p in lower and p not in before_lower and synonym_group(p) & wanted for p in PHRASES)


_BREAKABLE = re.compile(r"(?<![\w'’\-])[a-z]{6,}(?![\w'’\-])")
_COMPOUND = {
    "database": 4, "website": 3, "homework": 4, "something": 4, "someone": 4, "everyone": 5, "everything": 5, "anything": 3, "maybe": 3,
    "without": 4, "weekend": 4, "keyboard": 3, "notebook": 4, "overview": 4, "feedback": 4, "deadline": 4, "workflow": 4, "checklist": 5,
    "spreadsheet": 6, "software": 4, "breakfast": 5, "another": 2, "together": 2, "already": 2, "somewhere": 4, "outline": 3, "framework": 5,
}  # fmt: skip


def word_segmentation(text: str, key: Key, features: Mapping[str, str]) -> str | None:
    """A space too many inside a word, or one too few between two words."""
    if not handles(text):
        return None
    parsed = scan(text)
    words = [w for w in parsed.words if w.text.islower() and w.text.isalpha()]
    joins = [
        (a.end, b.start)
        for a, b in pairwise(words)
        if text[a.end : b.start] == " " and all(len(w.text) >= 5 or w.text in FUNCTION_WORDS for w in (a, b))
    ]
    splits = [w for w in words if w.text in _COMPOUND] or [w for w in words if _BREAKABLE.fullmatch(w.text)]
    if not joins and not splits:
        return None
    edits: list[tuple[int, int, str]] = []
    for number in range(1 if register(features).carelessness < 0.7 else 2):
        if joins and (not splits or key.chance(0.55, "join", number)):
            start, end = key.choice(joins, "where", number)
            edits.append((start, end, ""))
        elif splits:
            word = key.choice(splits, "word", number)
            inside = _COMPOUND.get(word.text) or key.between(2, len(word.text) - 2, "inside", number)
            edits.append((word.start + inside, word.start + inside, " "))
    return splice(text, dict.fromkeys(edits))


def detect_segmentation(clean: str, noisy: str) -> bool:
    """Two neighbours of one text are one word of the other."""
    return _joined(clean, noisy) or _joined(noisy, clean)


def _joined(apart: str, together: str) -> bool:
    first, second = tokens(apart), Counter(tokens(together))
    known = Counter(first)
    return any(second[a + b] > known[a + b] for a, b in pairwise(first) if not (a.isdigit() and b in FUNCTION_WORDS))
