"""What an English request is about: the task, the thing, its words and its domain, by rules.

Good enough to write about, not to understand: see ``semantics`` for intents and slots.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from personaloom.text.lexicon import COMMON_WORDS, FUNCTION_WORDS, REQUEST_VERBS
from personaloom.text.semantics import content_words
from personaloom.text.spans import sentences
from personaloom.text.wording.english import flip, gerund, joined
from personaloom.text.wording.fields import field_of, guess_domain, guess_scenario

__all__ = ["Ask", "Topic", "asked", "guess_domain", "guess_scenario", "read_topic"]

_LIMIT = 2000  # characters: what comes later is material, not the request
OPENERS = re.compile(
    r"(?:(?:hi|hello|hey|heya|hiya|yo|dear assistant|good (?:morning|afternoon|evening)|ok|okay|so|well|please|"
    r"kindly|also|thanks|btw|quick question)\b[\s,:!.\u2013\u2014-]*)+",
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
    r"|what(?:'s| is| are| would be) (?:the |a )?"
    r"(?:best|right|good|proper|easiest|simplest|safest|quickest) ways? to )",
    re.IGNORECASE,
)
_WHAT = re.compile(r"(?:what(?:'s| is| are| was| were)|who(?:'s| is| was| were)|which are) ", re.IGNORECASE)
_QUESTION = re.compile(
    r"(?:what|how|why|when|where|which|who|whose|is|are|am|do|does|did|should|can|could|would|will|has|have|was|were|any)\b",
    re.IGNORECASE,
)
_CLAUSE = re.compile(
    r"(?:[.;:?!](?=\s|\Z)|[()\n]|\s[\u2013\u2014-]\s|,\s(?![\w'\u2019-]+(?:,| and\b| or\b))"
    r"|\s(?:that|which|who|so|because|but|if|when|while|before|after|until|using|where|then|without|instead|rather|than|"
    r"and (?:explain|say|then|tell|show|give|list|include|what|where|who|how|why))\b).*",
    re.IGNORECASE | re.DOTALL,
)
_PREPOSITION = re.compile(
    r"\s(?:for|with|in|on|at|from|to|by|about|between|of|into|over|under|through|against|as)\s.*", re.DOTALL
)
_BETWEEN = re.compile(r"\bdifferences? between (.{3,80})", re.IGNORECASE | re.DOTALL)
_POINTER = re.compile(
    r"^(?:it|this|that|these|those|them|me|us|you|i|we|there|one|happening|wrong|as|for|into|to|if|whether|happens)\b",
    re.IGNORECASE,
)
_AFTER_A_NOUN = frozenset(
    {"instead", "again", "too", "now", "today", "asks", "wants", "says", "keeps", "refuses", "needs", "thinks", "likes",
     "hates", "gets", "goes", "comes", "makes", "takes", "works", "runs", "starts", "stops", "insists", "complains",
     "cries", "sleeps", "leaks"}
)  # fmt: skip
"""Ends a thing that was named with a determiner: ``my daughter asks why``."""
_INDIRECT = re.compile(r"^(?:what|how|why|when|where|which|who|if|whether)\b", re.IGNORECASE)
_NOUN_LEAD = re.compile(r"\b(my|our|the|a|an|this|his|her|their)\s+", re.IGNORECASE)
_KINDS = {
    "write": "write draft compose create prepare author formulate generate produce reply respond",
    "compare": "compare contrast distinguish differentiate weigh",
    "recommend": "recommend suggest propose advise pick choose select decide find",
    "fix": "fix debug repair solve troubleshoot correct mend diagnose",
    "plan": "plan organize organise schedule arrange structure design outline build develop set",
    "transform": "translate convert rewrite rephrase paraphrase summarize summarise shorten edit proofread turn",
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
    leads = sorted(_NOUN_LEAD.finditer(text[:400]), key=lambda m: (m.group(1).lower() not in {"my", "our"}, m.start()))
    for lead in leads:
        words: list[str] = []
        for raw in text[lead.end() :].split()[:3]:
            word = raw.strip('.,;:?!()"“”')
            if not word or word.lower() in FUNCTION_WORDS or word.endswith("ed"):
                break
            if words and (raw[0] in "([" or word.lower() in _AFTER_A_NOUN):
                break
            words.append(word)
            if raw != word:
                break
        if words:
            return f"{lead.group(1).lower()} {' '.join(words[:2])}"
    return ""


def _terms(words: tuple[str, ...]) -> tuple[str, ...]:
    """The words worth naming: no verbs of asking, no bare numbers; everyday words only where there is little else."""
    named = [w for w in words if w not in REQUEST_VERBS and not w.endswith("ly") and len(w) > 2 and not w.isdigit()]
    rare = [word for word in named if word not in COMMON_WORDS]
    return tuple((rare if len(rare) > 2 else named or words)[:24])


def _subject(ask: Ask, text: str, terms: Sequence[str]) -> str:
    phrase = ""
    if between := _BETWEEN.search(ask.core):
        return _trimmed(f"the difference between {between.group(1)}", 10)
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
    domain = field_of(head)
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
