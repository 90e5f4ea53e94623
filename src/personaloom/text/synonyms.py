# ruff: noqa: E501, RUF001 - word lists and patterns read best as they are
"""Groups of everyday words that stand for each other, and what informal or misspelt words stand for."""

from __future__ import annotations

import re
from functools import cache

from personaloom.text.lexicon import NUMBER_WORDS
from personaloom.text.misspellings import misspelt_forms
from personaloom.text.similarity import tokens

__all__ = ["COLLOQUIAL", "NEGATED", "SYNONYMS", "canonical", "canonical_tokens", "synonym_group"]

_GROUPS = """
create make produce put-together
write draft compose
explain describe clarify
fix repair
improve enhance
buy purchase
show display
begin start
choose pick select
recommend suggest
summarize recap condense
review check
build construct
require need
use utilize
find locate discover
ask inquire
tell inform
learn study
compare contrast
reduce lower decrease
increase raise boost
prepare get-ready
manage handle
understand grasp
analyze examine
discuss talk-about
generate produce
provide give supply
translate convert
remove delete
keep maintain
allow permit
avoid prevent
important key crucial essential vital
quick fast rapid speedy
easy simple straightforward
difficult tough tricky
big large huge
small little tiny
good great decent solid
bad poor awful
smart clever
useful helpful handy
interesting engaging
boring dull
cheap affordable inexpensive
expensive costly pricey
short brief concise
detailed thorough
different various
common typical usual
main primary principal
entire whole full
correct accurate
wrong incorrect
clear obvious plain
new recent fresh
old dated
strange weird odd
funny humorous
happy glad
sad unhappy
safe secure
best finest
several multiple various
enough sufficient
beginner newcomer novice newbie
beginners newcomers novices newbies
customer client
customers clients
boss manager supervisor
teacher instructor
student learner
students learners
colleague coworker
colleagues coworkers
employee worker
employees workers
company business firm
companies businesses firms
job position
goal aim objective
goals aims objectives
idea thought
ideas thoughts
problem issue
problems issues
error mistake
errors mistakes
method approach
methods approaches
step stage
steps stages
example sample instance
examples samples instances
tips pointers advice
advice guidance
guide tutorial walkthrough
overview rundown
article piece
essay paper
letter note
email message mail
meeting session
trip journey
vacation holiday
picture image photo
film movie
house home
car vehicle
money cash funds
answer reply
topic subject theme
details specifics
advantages benefits pros upsides
disadvantages drawbacks cons downsides
difference distinction
differences distinctions
reason cause
reasons causes
result outcome
results outcomes
dinner supper
kids children
assignment task
homework assignment
conversation talk chat
presentation talk deck
speech talk
story tale
title heading headline
part section portion
parts sections portions
quickly fast rapidly
really truly actually
very really extremely
usually normally typically
often frequently
also additionally
maybe perhaps possibly
about regarding concerning
currently presently now
soon shortly
effectively efficiently
mainly mostly primarily
approximately roughly
however though
"""
SYNONYMS: dict[str, tuple[str, ...]] = {}
"""Word to its stand-ins."""
_GROUP_OF: dict[str, set[int]] = {}
for _index, _line in enumerate(_GROUPS.strip().splitlines()):
    _members = [
        member.replace("-", " ") if member in {"put-together", "get-ready", "talk-about"} else member
        for member in _line.split()
    ]
    for _member in _members:
        SYNONYMS[_member] = (*SYNONYMS.get(_member, ()), *(other for other in _members if other != _member))
        _GROUP_OF.setdefault(_member, set()).add(_index)

PHRASES = frozenset(word for word in SYNONYMS if " " in word)
"""Stand-ins of more than one word."""

COLLOQUIAL: dict[str, tuple[str, int]] = {
    "do not": ("don't", 0), "does not": ("doesn't", 0), "did not": ("didn't", 0), "can not": ("can't", 0), "cannot": ("can't", 0),
    "could not": ("couldn't", 0), "would not": ("wouldn't", 0), "should not": ("shouldn't", 0), "is not": ("isn't", 0),
    "are not": ("aren't", 0), "was not": ("wasn't", 0), "have not": ("haven't", 0), "has not": ("hasn't", 0), "will not": ("won't", 0),
    "i am": ("I'm", 0), "i have been": ("I've been", 0), "i would": ("I'd", 0), "i will": ("I'll", 0), "it is": ("it's", 0),
    "that is": ("that's", 0), "what is": ("what's", 0), "how is": ("how's", 0), "where is": ("where's", 0), "who is": ("who's", 0),
    "there is": ("there's", 0), "you are": ("you're", 0), "we are": ("we're", 0), "they are": ("they're", 0), "let us": ("let's", 0),
    "could you please": ("can you", 1), "would you please": ("can you", 1), "could you": ("can you", 1), "would you mind": ("mind", 1),
    "would like to": ("want to", 1), "assistance": ("help", 1), "approximately": ("about", 1), "regarding": ("about", 1),
    "concerning": ("about", 1), "utilize": ("use", 1), "purchase": ("buy", 1), "require": ("need", 1), "obtain": ("get", 1),
    "a lot of": ("lots of", 1), "many": ("a bunch of", 1), "very": ("super", 1), "really": ("super", 1), "children": ("kids", 1),
    "good": ("decent", 1), "information": ("info", 1), "things": ("stuff", 1), "kind of": ("kinda", 2), "sort of": ("sorta", 2),
    "going to": ("gonna", 2), "want to": ("wanna", 2), "trying to": ("tryna", 2), "got to": ("gotta", 2), "have to": ("gotta", 2),
    "give me": ("gimme", 2), "let me": ("lemme", 2), "do not know": ("dunno", 2), "don't know": ("dunno", 2), "because": ("cuz", 2),
    "please": ("pls", 2), "thank you": ("thx", 2), "thanks": ("thx", 2), "you": ("u", 2), "your": ("ur", 2), "are you": ("are u", 2),
    "though": ("tho", 2), "about": ("abt", 2), "people": ("ppl", 2), "right now": ("rn", 2), "to be honest": ("tbh", 2),
    "with": ("w/", 3), "without": ("w/o", 3), "something": ("smth", 2), "tomorrow": ("tmrw", 2), "message": ("msg", 2),
    "probably": ("prob", 2), "favorite": ("fave", 2), "document": ("doc", 2), "application": ("app", 2), "presentation": ("preso", 2),
    "recommendation": ("rec", 2), "recommendations": ("recs", 2), "vegetables": ("veggies", 2), "definitely": ("def", 2),
    "minutes": ("mins", 3), "okay": ("ok", 2), "yes": ("yeah", 1), "hello": ("hey", 1), "create": ("whip up", 2), "write": ("throw together", 3),
}  # fmt: skip
"""Careful wording to informal wording, with how informal it is: 0 anybody, 1 relaxed, 2 casual, 3 only recognised."""

_INFORMAL = {
    "u": "you", "ur": "your", "r": "are", "pls": "please", "plz": "please", "thx": "thanks", "cuz": "because", "cos": "because",
    "coz": "because", "tho": "though", "abt": "about", "ppl": "people", "smth": "something", "tmrw": "tomorrow", "tmr": "tomorrow",
    "msg": "message", "prob": "probably", "fave": "favorite", "doc": "document", "docs": "documents", "app": "application",
    "preso": "presentation", "rec": "recommendation", "recs": "recommendations", "veggies": "vegetables", "def": "definitely",
    "mins": "minutes", "min": "minutes", "hrs": "hours", "info": "information", "kids": "children", "wanna": "want", "gonna": "going",
    "tryna": "trying", "gotta": "got", "gimme": "give", "lemme": "let", "dunno": "know", "kinda": "kind", "sorta": "sort", "cant": "can't",
    "dont": "don't", "im": "i'm", "whats": "what's", "nyc": "york", "b4": "before", "gr8": "great", "vs": "versus", "bday": "birthday",
    "pic": "picture", "pics": "pictures", "vid": "video", "prof": "professor", "uni": "university", "bio": "biology", "lit": "literature",
    "eng": "engineering", "mgmt": "management", "approx": "approximately", "wks": "weeks", "wk": "week", "hey": "hello", "hi": "hello",
}  # fmt: skip

NEGATED: dict[str, str] = {
    "short": "not too long", "brief": "not too long", "concise": "not too wordy", "simple": "not too complicated", "easy": "not too hard",
    "formal": "not too casual", "professional": "not too casual", "casual": "not too formal", "informal": "not too formal",
    "friendly": "not too stiff", "polite": "not too blunt", "cheap": "not too expensive", "affordable": "not too expensive",
    "detailed": "not too shallow", "thorough": "not too shallow", "comprehensive": "not too shallow", "technical": "not too basic",
    "quick": "not too slow", "serious": "not too silly", "funny": "not too serious", "humorous": "not too serious",
    "conversational": "not too stiff", "plain": "not too fancy", "warm": "not too cold", "creative": "not too boring",
}  # fmt: skip
"""A wanted quality said by what is not wanted."""


@cache
def _table() -> dict[str, str]:
    """Any known form of a word to one that stands for all of them."""
    table = dict(NUMBER_WORDS)
    for word in SYNONYMS:
        if " " not in word:
            group = min(_GROUP_OF[word])
            table.setdefault(word, _GROUPS.strip().splitlines()[group].split()[0])
    forms = {**misspelt_forms(), **_INFORMAL}
    for form, word in forms.items():
        table.setdefault(form, table.get(word, word))
    return table


def canonical(word: str) -> str:
    """One form for all spellings, clippings and synonyms of a word, as far as the lists know."""
    return _table().get(word, word)


def canonical_tokens(text: str) -> list[str]:
    """The canonical tokens of a text, in order."""
    table = _table()
    return [table.get(token, token) for token in tokens(text)]


def synonym_group(word: str) -> frozenset[int]:
    """Numbers of the synonym groups that a word belongs to."""
    return frozenset(_GROUP_OF.get(word, ()))


COLLOQUIAL_PATTERN = re.compile(
    r"(?<![\w'’-])(?:"
    + "|".join(re.escape(key) for key in sorted(COLLOQUIAL, key=len, reverse=True))
    + r")(?![\w'’-])",
    re.IGNORECASE,
)
