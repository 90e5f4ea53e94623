"""What an English request is about: the task, the thing, its words and its domain, by rules.

Good enough to write about, not to understand: see ``semantics`` for intents and slots.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from personaloom.keyed import Key
from personaloom.text.lexicon import COMMON_WORDS, FUNCTION_WORDS, REQUEST_VERBS
from personaloom.text.semantics import content_words
from personaloom.text.spans import sentences
from personaloom.text.wording import domain_names, domain_rules
from personaloom.text.wording.english import flip, gerund, joined, words_of

__all__ = ["Ask", "Topic", "asked", "guess_domain", "guess_scenario", "read_topic"]

_LIMIT = 2000  # characters: what comes later is material, not the request
OPENERS = re.compile(
    r"(?:(?:hi|hello|hey|heya|hiya|yo|dear assistant|good (?:morning|afternoon|evening)|ok|okay|so|well|please|kindly|also|"
    r"thanks|btw|quick question)\b[\s,:!.–—-]*)+",
    re.IGNORECASE,
)
_REQUEST = re.compile(
    r"(?:(?:can|could|would|will) you (?:please |kindly |possibly |also |maybe )*(?:help (?:me|us) (?:to |with )?)?"
    r"|i(?:'d| would) (?:like|love|be grateful|appreciate it)(?: if you could| you to) "
    r"|i (?:want|need) you to |help (?:me|us) (?:to )?(?=[a-z]))",
    re.IGNORECASE,
)
_WISH = re.compile(
    r"(?:i(?:'d| would) (?:like|love) to |i (?:want|need|have) to |i(?:'m| am) (?:trying|looking|hoping) to "
    r"|i need (?:some )?help (?:to |with |in )?)",
    re.IGNORECASE,
)
_HOW = re.compile(
    r"(?:how (?:do|can|should|could|would|might) (?:i|we|you|one|someone|people) (?:best |go about )?|how to "
    r"|what(?:'s| is| are| would be) (?:the |a )?(?:best|right|good|proper|easiest|simplest|safest|quickest) ways? to )",
    re.IGNORECASE,
)
_WHAT = re.compile(r"(?:what(?:'s| is| are| was| were)|who(?:'s| is| was| were)|which are) ", re.IGNORECASE)
_QUESTION = re.compile(
    r"(?:what|how|why|when|where|which|who|whose|is|are|am|do|does|did|should|can|could|would|will|has|have|was|were|any)\b",
    re.IGNORECASE,
)
_CLAUSE = re.compile(
    r"(?:[.;:?!](?=\s|\Z)|[()\n]|\s[–—-]\s|,\s(?![\w'’-]+(?:,| and\b| or\b))"
    r"|\s(?:that|which|who|so|because|but|if|when|while|before|after|until|using|where|then|without|instead|rather|than|"
    r"and (?:explain|say|then|tell|show|give|list|include|what|where|who|how|why))\b).*",
    re.IGNORECASE | re.DOTALL,
)
_PREPOSITION = re.compile(
    r"\s(?:for|with|in|on|at|from|to|by|about|between|of|into|over|under|through|against|as)\s.*", re.DOTALL
)
_POINTER = re.compile(
    r"^(?:it|this|that|these|those|them|me|us|you|i|we|there|one|happening|wrong|as|for|into|to|if|whether|happens)\b",
    re.IGNORECASE,
)
_INDIRECT = re.compile(r"^(?:what|how|why|when|where|which|who|if|whether)\b", re.IGNORECASE)
_NOUN_LEAD = re.compile(r"\b(my|our|the|a|an|this|his|her|their)\s+", re.IGNORECASE)
_KINDS = {
    "write": "write draft compose create prepare author formulate generate produce reply respond",
    "compare": "compare contrast distinguish differentiate weigh",
    "recommend": "recommend suggest propose advise pick choose select decide find",
    "fix": "fix debug repair solve troubleshoot correct mend diagnose",
    "plan": "plan organize organise schedule arrange structure design outline build develop set",
    "transform": "translate convert rewrite rephrase paraphrase summarize summarise shorten edit proofread turn condense",
    "analyse": "review check evaluate assess critique analyze analyse examine inspect audit",
    "list": "list enumerate give name brainstorm share",
    "explain": "explain describe clarify elaborate define interpret teach show tell",
}
_KIND_OF = {verb: kind for kind, verbs in _KINDS.items() for verb in verbs.split()}
_CODE = re.compile(
    r"```|\b(?:python|javascript|typescript|java|sql|rust|golang|bash|regex|function|script|code|class|api|query|dataframe|"
    r"pandas|css|html|c\+\+|algorithm|unit test)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Ask:
    """The sentence that asks, taken out of its frame.

    Attributes:
        form: ``ask`` (an imperative), ``how``, ``question`` or ``tell``.
        core: a bare verb phrase for ``ask`` and ``how``, the question without its mark, or the sentence.
        start, end: where it stands in the text.
    """

    form: str
    core: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Topic:
    """What to write about.

    Attributes:
        kind: write, compare, recommend, fix, plan, transform, analyse, list, explain, howto or question.
        task: bare verb phrase in the assistant's voice (``repot your orchid``), or ``""``.
        doing: the same as a gerund.
        subject: noun phrase in the assistant's voice (``the orchid in your kitchen``).
        short: its head (``the orchid``).
        terms: content words in order, without request verbs.
        domain: one of the domains that have words of their own.
        code: whether code belongs in the answer.
    """

    kind: str
    task: str
    doing: str
    subject: str
    short: str
    terms: tuple[str, ...]
    domain: str
    code: bool


def _classify(sentence: str) -> tuple[str, str]:
    """Form and core of one sentence."""
    body = sentence.strip()
    opening = OPENERS.match(body)
    if opening and opening.end() < len(body):
        body = body[opening.end() :]
    if match := _HOW.match(body):
        return "how", body[match.end() :].rstrip(" ?.!")
    if match := _REQUEST.match(body):
        rest = body[match.end() :].rstrip(" ?.!")
        first = rest.partition(" ")[0].lower()
        return ("ask" if first in REQUEST_VERBS else "tell"), rest if first in REQUEST_VERBS else body
    if match := _WISH.match(body):
        return "how", body[match.end() :].rstrip(" ?.!")
    first = body.partition(" ")[0].lower().rstrip(":,")
    if first in REQUEST_VERBS and not body.endswith("?"):
        return "ask", body.rstrip(" .!")
    if body.rstrip('"”)').endswith("?") and (_QUESTION.match(body) or len(body) < 200):
        return "question", body.rstrip(" ?")
    return "tell", body


def asked(text: str) -> Ask:
    """The first sentence of a text that asks for something; the first one where none does."""
    head = text[:_LIMIT]
    first: Ask | None = None
    for start, end in sentences(head):
        form, core = _classify(head[start:end])
        ask = Ask(form, core, start, end)
        if form != "tell" and core:
            return ask
        first = first or ask
    return first or Ask("tell", text.strip(), 0, len(text))


def _trimmed(phrase: str, most: int = 8) -> str:
    """A noun phrase's beginning: up to a clause's end, at most so many words, no dangling function word."""
    words = _CLAUSE.sub("", phrase.strip(), count=1).split()[:most]
    while words and words[-1].lower().strip("“”\"',") in FUNCTION_WORDS:
        words.pop()
    text = " ".join(words).rstrip(",")
    return text.partition('"')[0].rstrip() if text.count('"') % 2 else text


def _phrase_in(text: str) -> str:
    """The first thing that a text names with a determiner, or its first content words."""
    leads = sorted(
        _NOUN_LEAD.finditer(text[:400]), key=lambda m: (m.group(1).lower() not in {"my", "our"}, m.start())
    )
    for lead in leads:
        words: list[str] = []
        for raw in text[lead.end() :].split()[:3]:
            word = raw.strip('.,;:?!()"“”')
            if not word or word.lower() in FUNCTION_WORDS or word.endswith("ed"):
                break
            words.append(word)
            if raw != word:
                break
        if words:
            return f"{lead.group(1).lower()} {' '.join(words[:2])}"
    return ""


def _terms(words: tuple[str, ...]) -> tuple[str, ...]:
    """The words worth naming: no verbs of asking, no bare numbers; everyday words only where there is little else."""
    named = [
        w for w in words if w not in REQUEST_VERBS and not w.endswith("ly") and len(w) > 2 and not w.isdigit()
    ]
    rare = [word for word in named if word not in COMMON_WORDS]
    return tuple((rare if len(rare) > 2 else named or words)[:24])


def _subject(ask: Ask, text: str, terms: Sequence[str]) -> str:
    phrase = ""
    if ask.form in {"ask", "how"}:
        rest = ask.core.partition(" ")[2]
        phrase = re.sub(r"^(?:(?:me|us|up|out|down)\s+(?:with |a way to )?)+", "", rest, flags=re.IGNORECASE)
    elif ask.form == "question" and (match := _WHAT.match(ask.core)):
        phrase = ask.core[match.end() :]
    phrase = _trimmed(phrase)
    if not phrase or _POINTER.match(phrase) or not content_words(phrase):
        phrase = _phrase_in(text)
    return phrase or joined(list(terms[:2])) or "your question"


def _short(subject: str) -> str:
    if _INDIRECT.match(subject):
        return _phrase_in(subject) or "this question"
    head = _PREPOSITION.sub("", subject) if len(subject.split()) > 2 else subject
    words = head.split()
    if not words or all(word.lower() in FUNCTION_WORDS for word in words):
        words = subject.split()[:4]
    if words[0].lower() in {"a", "an"}:
        words[0] = "the"
    elif words[0][:1].isdigit() or len(words) > 5:
        words = ["the", *words[-2:]]
    return " ".join(words[:5])


@lru_cache(maxsize=4096)
def read_topic(text: str) -> Topic:
    """What a request is about; cached, since a conversation asks for its topic in every turn."""
    head = text[:_LIMIT]
    ask = asked(head)
    seen = dict.fromkeys(content_words(re.sub(r"```[\s\S]*?(?:```|\Z)", " ", head)))
    terms = _terms(tuple(seen))
    subject = flip(_subject(ask, head, terms))
    verb, _, rest = ask.core.partition(" ") if ask.form in {"ask", "how"} else ("", "", "")
    verb = verb.lower()
    task = flip(_trimmed(f"{verb} {rest}", 11)) if verb else ""
    if _KIND_OF.get(verb) == "transform" and (" this " in ask.core[:40] or '"' in head or "“" in head):
        subject = "your code" if _CODE.search(head) else "your text"
    kind = "howto" if ask.form == "how" else _KIND_OF.get(verb, "question")
    if re.search(r"\b(?:difference between|compare|versus|vs\.?)\b", head, re.IGNORECASE):
        kind = "compare"
    domain = _best(_votes(head))
    return Topic(
        kind=kind,
        task=task,
        doing=f"{gerund(verb)} {task.partition(' ')[2]}".strip() if verb.isalpha() and task else "",
        subject=subject,
        short=_short(subject),
        terms=terms or ("question",),
        domain=domain,
        code=domain in {"software", "data_science"} and _CODE.search(head) is not None,
    )


@cache
def _keywords() -> dict[str, tuple[str, ...]]:
    """Keyword to the domains that claim it."""
    claims: dict[str, list[str]] = {}
    for name in domain_names():
        for line in domain_rules(name)["keywords"]:
            for word in line.split():
                claims.setdefault(word, []).append(name)
    return {word: tuple(names) for word, names in claims.items()}


def _votes(text: str) -> dict[str, int]:
    """How strongly each domain is named in a text; a word of several domains counts less for each."""
    known = _keywords()
    votes: dict[str, int] = {"software": 12} if "```" in text else {}
    for word in {w.lower(): None for w in words_of(text[:_LIMIT])}:
        names = known.get(word) or known.get(word.removesuffix("s")) or ()
        for name in names:
            votes[name] = votes.get(name, 0) + 6 // min(len(names), 3)
    return votes


def _best(votes: dict[str, int]) -> str:
    return min(votes, key=lambda name: (-votes[name], name), default="general")


@cache
def _aliases(choices: tuple[str, ...]) -> dict[str, tuple[tuple[str, ...], dict[str, int]]]:
    """For each choice its own words, and by domain how much of its name that domain claims (in sixths)."""
    known: dict[str, tuple[tuple[str, ...], dict[str, int]]] = {}
    for choice in choices:
        own = tuple(word.lower() for word in words_of(choice.replace("_", " ")))
        words = [word for word in own if word not in FUNCTION_WORDS] or list(own)
        names = {name: set(" ".join(domain_rules(name)["names"]).split()) | {name} for name in domain_names()}
        share = {
            n: 6 * sum(w in claimed for w in words) // max(len(words), 1) for n, claimed in names.items()
        }
        known[choice] = (own, {name: part for name, part in share.items() if part})
    return known


def guess_domain(text: str, choices: Sequence[str], key: Key) -> str:
    """The choice that a text is most likely about; drawn by key where nothing in the text speaks for one."""
    if not choices:
        return _best(_votes(text))
    votes = _votes(text)
    words = {word.lower() for word in words_of(text[:_LIMIT])}
    scores = {
        choice: sum(votes.get(name, 0) * part for name, part in claims.items())
        + 36 * sum(w in words for w in own)
        for choice, (own, claims) in _aliases(tuple(choices)).items()
    }
    best = max(scores.values())
    if best == 0:
        return _fallback(choices, key.child("domain"))
    return next(choice for choice in choices if scores[choice] == best)


_SCENARIOS = {
    "work professional business office job client meeting corporate workplace project presentation starting": "team client "
    "meeting report manager boss customer customers company colleague stakeholder shop staff employee",
    "study academic school homework student exam examination education learning topic scratch": "exam homework essay study "
    "course learn understand mean means why what difference explain",
    "teaching class explaining child": "lesson class pupils teach teacher students grade",
    "personal home family daily everyday private life routine improving": "kids wife husband home sleep morning habit flat",
    "caring someone": "mother father child baby patient elderly grandmother daughter son",
    "research analysis analysing data set investigation": "data statistics sample study survey dataset average regression",
    "troubleshooting technical problem support debugging code incident fixing broke": "error fix broken crash fails wrong "
    "debug stopped leak slow bug stuck repair",
    "creative writing content storytelling brainstorming ideation ideas": "story poem scene character title ideas song name",
    "planning strategy project event trip": "plan schedule organise checklist itinerary weekend budget trip timeline",
    "decision making hard comparing options buying": "compare choose decide better versus worth should buy which",
    "communication email correspondence message important report": "email letter message reply write draft note apology",
    "dealing authority settling disagreement negotiation": "complaint landlord insurance dispute refund rights neighbour tax",
    "interview preparing": "interview cv resume salary recruiter",
}  # fmt: skip


def guess_scenario(text: str, choices: Sequence[str], key: Key) -> str:
    """The choice whose kind of situation a text shows; drawn by key where it shows none."""
    if not choices:
        return ""
    words = {word.lower() for word in words_of(text[:_LIMIT])}
    evidence = {names: sum(hint in words for hint in hints.split()) for names, hints in _SCENARIOS.items()}
    scores = {}
    for choice in choices:
        own = [word.lower() for word in words_of(choice.replace("_", " "))]
        scores[choice] = sum(
            count * sum(word in names.split() for word in own) for names, count in evidence.items()
        ) + 2 * sum(w in words for w in own if w not in FUNCTION_WORDS)
    best = max(scores.values())
    if best == 0:
        return _fallback(choices, key.child("scenario"))
    return next(choice for choice in choices if scores[choice] == best)


def _fallback(choices: Sequence[str], key: Key) -> str:
    for choice in choices:
        if choice.lower() in {"general", "other", "misc", "miscellaneous", "everyday"}:
            return choice
    return key.choice(list(choices), "fallback")
