"""Protected spans, edit distance and the rules that read intents and slots."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from personaloom.text.semantics import extract
from personaloom.text.similarity import FuzzySet, levenshtein, near
from personaloom.text.spans import Kind, is_english, protected_texts, scan


def plain_levenshtein(a: str, b: str) -> int:
    """The textbook table, as an oracle."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        last, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (x != y))
    return row[-1]


@settings(deadline=None)
@given(st.text(alphabet="abcé😀 ", max_size=40), st.text(alphabet="abcé😀 ", max_size=40))
def test_levenshtein_equals_the_textbook_table(a, b):
    assert levenshtein(a, b) == plain_levenshtein(a, b)


@settings(deadline=None)
@given(st.text(alphabet="abcd", min_size=1, max_size=8), st.text(alphabet="abcd", min_size=1, max_size=8))
def test_near_means_one_edit_or_one_exchange(a, b):
    exchanged = any(a[:i] + a[i + 1] + a[i] + a[i + 2 :] == b for i in range(len(a) - 1))
    assert near(a, b) == (plain_levenshtein(a, b) <= 1 or exchanged)


def test_a_fuzzy_set_finds_misspelt_and_clipped_words_and_no_others():
    words = FuzzySet(["information", "recipe", "doc", "cat"])
    assert "informaton" in words
    assert "recpie" in words
    assert "documents" in words
    assert "dog" not in words
    assert "automobile" not in words


@pytest.mark.parametrize(
    ("text", "kind", "piece"),
    [
        ("Run `pip install x` now", Kind.CODE, "`pip install x`"),
        ("See https://a.example/b?c=1, please.", Kind.URL, "https://a.example/b?c=1"),
        ("Write to jo.doe@a.example.", Kind.EMAIL, "jo.doe@a.example"),
        ("Open ./src/main.py and fix it", Kind.PATH, "./src/main.py"),
        ("Rename the file report_v2.csv today", Kind.PATH, "report_v2.csv"),
        ("call my_func() twice", Kind.IDENTIFIER, "my_func"),
        ("a budget of $1,500 for it", Kind.NUMBER, "$1,500"),
        ("wait 30 minutes first", Kind.NUMBER, "30 minutes"),
        ('say "hello there" to her', Kind.QUOTE, '"hello there"'),
        ("a flight to Lisbon please", Kind.NAME, "Lisbon"),
        ("is NATO large", Kind.NAME, "NATO"),
    ],
)
def test_code_links_numbers_quotes_and_names_are_protected(text, kind, piece):
    found = [(span.kind, text[span.start : span.end]) for span in scan(text).protected]
    assert (kind, piece) in found or any(k is kind and piece in p for k, p in found)


def test_a_capital_at_the_start_of_a_sentence_makes_no_name_of_a_common_word():
    parsed = scan("Write a note. Please keep it short.")
    assert [word.lower for word in parsed.words] == ["write", "a", "note", "please", "keep", "it", "short"]
    assert protected_texts("Write a note. Please keep it short.") == []


def test_an_unclosed_code_block_is_protected_to_the_end():
    assert protected_texts("look:\n```\nx = 1\nmore words")[-1].startswith("```")


@settings(deadline=None, max_examples=200)
@given(st.text(max_size=200))
def test_any_unicode_text_is_taken_apart_without_overlap_or_loss(text):
    parsed = scan(text)
    pieces = sorted([(s.start, s.end) for s in parsed.protected] + [(w.start, w.end) for w in parsed.words])
    assert all(a[1] <= b[0] for a, b in pairwise(pieces))
    assert all(0 <= start < end <= len(text) for start, end in pieces)
    assert all(text[w.start : w.end] == w.text for w in parsed.words)
    extract(text)


@pytest.mark.parametrize(
    "seed",
    ["a ", "a-", "1-", '"a', "a.a", "https://", "“a", "write a report and then ", "in New York ", "x", "_", "`" * 3, "how ", "about a b c ", "at least 3 ", "i want ", "@a.", "' a", "without ", "for my ", "1,000 ", "please, ", "so, and but "],
)  # fmt: skip
def test_reading_20_000_characters_of_anything_ends_soon(seed):
    """A quadratic pattern would take minutes here and run into the suite's time limit; see benchmarks for times."""
    text = (seed * (20_000 // len(seed) + 1))[:20_000]
    assert extract(text) == extract(text)


@pytest.mark.parametrize(
    ("text", "english"),
    [
        ("Can you help me?", True),
        ("hello", True),
        ("Tickets for Berlin?", True),
        ("¿Puedes ayudarme con mi tarea de matemáticas?", False),
        ("Kannst du mir bitte mit dem Brief helfen?", False),
        ("Pouvez-vous m'aider avec les devoirs dans une heure ?", False),
        ("请帮我写一封邮件", False),
        ("Помогите мне с письмом", False),
        ("私の手紙を書いてください", False),
        ("اكتب لي رسالة", False),
        ("मुझे मदद चाहिए", False),
        ("", False),
        ("12345 !!!", False),
    ],
)
def test_other_languages_are_recognised_as_such(text, english):
    assert is_english(text) is english


@pytest.mark.parametrize(
    ("text", "intents", "slots"),
    [
        ("Book a flight to New York for Friday under $300", 1, {"location": "New York", "deadline": "Friday", "budget": "$300"}),
        ("Can you write a 500-word blog post about remote work for my manager by Friday?", 1, {"length": "500-word", "topic": "remote work", "audience": "my manager", "deadline": "Friday"}),
        ("Write an email, oh and also can you check my calendar for tomorrow", 2, {"deadline": "tomorrow"}),
        ("Summarise this report and translate it to French.", 2, {"language": "French"}),
        ("How do I fix a memory leak in Python without restarting the server?", 1, {"tool": "Python", "constraint": "without restarting the server"}),
        ("Give me 3 recipes as a table", 1, {"quantity": "3 recipes", "format": "table"}),
        ("What is the capital of France?", 1, {"name": "France"}),
        ("Explain recursion", 1, {"object": "recursion"}),
    ],
)  # fmt: skip
def test_intents_and_slots_of_ordinary_requests_are_read(text, intents, slots):
    read = extract(text)
    assert len(read.intents) == intents, read.intents
    assert slots.items() <= read.slots.items()


def test_slots_are_copied_letter_by_letter():
    text = "Draft a reply to my landlord by 14 May, at most 200 words, in a polite tone, see https://a.example/x"
    assert all(value in text for value in extract(text).slots.values())
