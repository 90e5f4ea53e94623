"""The quick way through a text finds what the patterns find."""

import re

from hypothesis import given
from hypothesis import strategies as st

from personaloom.text.words import lower_words, sentences

WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?")
END = re.compile(r"[.!?\n]+")
ANY = re.compile(r"\w+")

texts = st.one_of(st.text(alphabet="ab'C_ .!?\n\t\x0b\x1c9-"), st.text())


@given(texts)
def test_words_are_those_of_the_pattern(text):
    assert lower_words(text) == WORD.findall(text.lower())


@given(texts)
def test_sentences_have_the_words_of_the_pattern(text):
    by_pattern = [tuple(ANY.findall(part)) for part in END.split(text.casefold())]
    assert [words for words in sentences(text) if words] == [words for words in by_pattern if words]


def test_an_apostrophe_belongs_to_a_word_once():
    assert lower_words("Don't say 'rock'n'roll'") == ["don't", "say", "rock'n", "roll"]
