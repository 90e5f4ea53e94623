"""The shipped seed queries are many, diverse, different from each other and well described."""

import re
from collections import Counter
from itertools import combinations

import orjson
import pytest

from personaloom.queries import QuerySet, shipped_queries

SET = QuerySet.load()
LENGTHS = sorted(len(query.text.split()) for query in SET)


def words(text):
    return frozenset(re.findall(r"\w+", text.lower()))


def test_there_are_more_than_four_hundred_and_twenty_over_more_than_twenty_two_domains():
    domains = Counter(query.metadata["category"] for query in SET)
    assert len(SET) >= 420
    assert len(domains) >= 22
    assert min(domains.values()) >= 12  # no domain is there for the count only


def test_no_two_queries_share_most_of_their_words():
    sets = [words(query.text) for query in SET]
    worst = max(combinations(range(len(sets)), 2), key=lambda pair: jaccard(sets[pair[0]], sets[pair[1]]))
    assert jaccard(*(sets[i] for i in worst)) < 0.6, [SET.queries[i].text for i in worst]


def jaccard(a, b):
    return len(a & b) / len(a | b)


def test_lengths_spread_from_five_words_to_more_than_a_hundred():
    assert LENGTHS[0] >= 5
    assert 100 <= LENGTHS[-1] <= 120
    assert sum(length <= 9 for length in LENGTHS) >= 60
    assert sum(10 <= length < 30 for length in LENGTHS) >= 150
    assert sum(length >= 45 for length in LENGTHS) >= 50
    assert sum(length >= 80 for length in LENGTHS) >= 15


def test_every_line_names_source_category_and_difficulty_and_nothing_else():
    for line in shipped_queries().read_bytes().splitlines():
        row = orjson.loads(line)
        assert row.keys() == {"text", "metadata"}
        assert row["metadata"].keys() == {"source", "category", "difficulty"}
        assert row["metadata"]["source"] == "personaloom"
        assert row["metadata"]["difficulty"] in {"easy", "medium", "hard"}
        assert row["text"] == row["text"].strip()
    assert SET.duplicates == 0


@pytest.mark.parametrize("difficulty", ["easy", "medium", "hard"])
def test_every_difficulty_has_its_share(difficulty):
    assert sum(query.metadata["difficulty"] == difficulty for query in SET) >= 60


def test_forms_are_mixed():
    """Questions, commands, problems told in the first person, comparisons, plans and code all occur."""
    texts = [query.text for query in SET]
    assert 150 <= sum("?" in text for text in texts) <= 0.8 * len(texts)
    assert sum(text.startswith(("I ", "I'", "My ", "Our ", "We")) for text in texts) >= 60
    assert sum(text.startswith("Compare ") for text in texts) >= 15
    assert sum(text.startswith(("Plan ", "Design ", "Make ")) for text in texts) >= 12
    assert sum(bool(re.search(r"\w+\(.*\)|=>|SELECT|\.log\b", text)) for text in texts) >= 5
    assert sum(bool(re.search(r"\d", text)) for text in texts) >= 200  # concrete: numbers in many of them
    assert max(Counter(text.split()[0] for text in texts).values()) <= 0.15 * len(texts)
