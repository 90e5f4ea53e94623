"""Measures of text equal hand-worked examples, and libraries that compute the same number."""

import math
import zlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from personaloom.keyed import Key
from personaloom.quality import textual
from personaloom.quality.corpus import Decontamination, jensen_shannon
from personaloom.quality.duplicates import NearDuplicates
from personaloom.quality.intervals import Cells, chi_square_3, estimate, keyed_indices, share, wilson
from personaloom.quality.population import hedges_g, omega_squared
from personaloom.quality.privacy import find_private

TOKENS = st.lists(st.sampled_from("abcdefgh"), max_size=120)


def test_words_are_lower_case_with_contractions_whole_and_apostrophes_straight():
    assert textual.words("Don\u2019t PANIC, it's 3.5 km!") == ["don't", "panic", "it's", "3", "5", "km"]


def test_distinct_n_by_hand():
    assert textual.distinct_n(["a", "b", "a", "b"], 1) == 0.5
    assert textual.distinct_n(["a", "b", "a", "b"], 2) == pytest.approx(2 / 3)
    assert textual.distinct_n([], 1) == 0.0


def test_mattr_by_hand():
    # windows of 3: aab (2), abc (3), bcc (2)
    assert textual.mattr(["a", "a", "b", "c", "c"], 3) == pytest.approx((2 + 3 + 2) / 9)
    assert textual.mattr(["a"], 3) is None


@settings(deadline=None)
@given(TOKENS, st.integers(1, 10))
def test_mattr_is_the_mean_over_windows_written_out(tokens, window):
    ratios = [len(set(tokens[i : i + window])) / window for i in range(len(tokens) - window + 1)]
    found = textual.mattr(tokens, window)
    assert found == (pytest.approx(sum(ratios) / len(ratios)) if ratios else None)


def test_mtld_by_hand():
    # "a b" repeated: types/tokens after a b a is 2/3 <= 0.72, so a factor every three words; both ways the same.
    assert textual.mtld(["a", "b"] * 30, shortest=1) == pytest.approx(3.0)
    # Nothing repeats: no factor at all, and the length is the lower bound.
    assert textual.mtld([str(i) for i in range(60)]) == 60
    # a b c d a: 4/5 = 0.8 is left over: (1 - 0.8) / 0.28 of a factor.
    assert textual.mtld(["a", "b", "c", "d", "a"], shortest=1) == pytest.approx(5 / (0.2 / 0.28))
    assert textual.mtld(["a"] * 49) is None


def test_compression_ratio_is_size_over_deflated_size():
    text = "the same words again and again " * 50
    assert textual.compression_ratio(text) == len(text) / len(zlib.compress(text.encode(), 6))
    assert textual.compression_ratio("") == 0


def test_self_repetition_by_hand():
    one, two, three = ["a", "b", "c", "d", "e"], ["a", "b", "c", "d", "x"], ["p", "q", "r", "s", "t"]
    # One 4-gram (a b c d) is shared by the first two: log(1 + 1) for each, log(1) for the third.
    assert textual.self_repetition([one, two, three]) == pytest.approx(2 * math.log(2) / 3)
    assert textual.shared_ngram_share([one, two, three]) == pytest.approx((0.5 + 0.5 + 0) / 3)


def test_overlap_share_is_that_of_the_texts_own_ngrams():
    assert textual.overlap_share(["a", "b", "c", "d"], ["x", "a", "b", "c"], 3) == 0.5
    assert textual.overlap_share(["a", "b"], ["a", "b", "c"], 3) is None


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("How do I fix it?", "how"), ("Could you tell me what it costs?", "yes_no"), ("It fails. Why?", "why"),
        ("Fix it.", "statement"), ("And now?", "other_question"), ("", "statement"), ("what's wrong", "what"),
    ],
)  # fmt: skip
def test_question_types(text, kind):
    assert textual.question_type(text) == kind


def test_evenness_is_one_for_equal_and_falls_for_unequal_counts():
    assert textual.evenness([5, 5, 5]) == pytest.approx(1.0)
    assert textual.evenness([9, 1]) == pytest.approx(-(0.9 * math.log2(0.9) + 0.1 * math.log2(0.1)))
    assert textual.evenness([3]) is None


def test_wilson_is_the_published_example_and_scipys_number():
    low, high = wilson(15, 148)  # Newcombe 1998, Statistics in Medicine 17, table 1
    assert (round(low, 4), round(high, 4)) == (0.0624, 0.1605)
    stats = pytest.importorskip("scipy.stats")
    for hits, total in ((0, 10), (3, 7), (10, 10), (81, 263)):
        theirs = stats.binomtest(hits, total).proportion_ci(method="wilson")
        assert wilson(hits, total) == pytest.approx((theirs.low, theirs.high))
    assert share(0, 0)["value"] is None


def test_chi_square_is_scipys_and_says_nothing_on_small_counts():
    stats = pytest.importorskip("scipy.stats")
    theirs = stats.chisquare([60, 25, 15], [50, 30, 20])
    ours = chi_square_3([60, 25, 15], [0.5, 0.3, 0.2])
    assert ours["statistic"] == pytest.approx(theirs.statistic)
    assert ours["p"] == pytest.approx(theirs.pvalue)
    assert chi_square_3([2, 1, 0], [0.5, 0.3, 0.2])["p"] is None


def test_jensen_shannon_is_scipys_distance_squared():
    distance = pytest.importorskip("scipy.spatial.distance")
    one, two = {"a": 3, "b": 1}, {"b": 2, "c": 2}
    theirs = distance.jensenshannon([3, 1, 0], [0, 2, 2], base=2) ** 2
    assert jensen_shannon(one, two) == pytest.approx(theirs)
    assert jensen_shannon(one, one) == 0
    assert jensen_shannon({"a": 1}, {"b": 1}) == 1
    assert jensen_shannon({}, one) is None


def test_a_bootstrap_interval_covers_the_mean_and_is_the_same_every_time():
    groups = {f"p{i}": [i % 7, i % 5] for i in range(60)}
    found = estimate(groups, Key(1))
    assert found["value"] == pytest.approx(sum(sum(v) for v in groups.values()) / 120)
    assert found["low"] < found["value"] < found["high"]
    assert found == estimate(dict(reversed(groups.items())), Key(1))
    cells = Cells()
    for name, values in groups.items():
        cells.add(name, values)
    assert cells.estimate(Key(1)) == found


def test_a_bootstrap_standard_error_is_the_textbooks():
    values = [((i * 37) % 101) / 101 for i in range(100)]
    found = estimate({str(i): [v] for i, v in enumerate(values)}, Key(2))
    mean = sum(values) / 100
    error = math.sqrt(sum((v - mean) ** 2 for v in values) / 100 / 100)
    assert (found["high"] - found["low"]) / (2 * 1.96 * error) == pytest.approx(1, abs=0.12)


def test_one_group_has_no_interval_and_many_groups_stay_bounded():
    assert estimate({"a": [1, 2]}, Key(0))["low"] is None
    cells = Cells(most=5)
    for i in range(100):
        cells.add(str(i), [1.0])
    assert cells.estimate(Key(0))["value"] == 1.0
    assert cells.estimate(Key(0))["groups"] <= 10


def test_keyed_indices_are_even_and_fixed():
    counts = [0] * 8
    for index in keyed_indices(Key("x"), 8000, 8).tolist():
        counts[index] += 1
    assert min(counts) > 900
    assert keyed_indices(Key("x"), 3, 1000).tolist() == keyed_indices(Key("x"), 9, 1000).tolist()[:3]


def test_omega_squared_and_hedges_g_by_hand():
    # Means 2 and 5, each group's sum of squares 2: between 13.5, error 1, total 17.5.
    assert omega_squared([[1, 2, 3], [4, 5, 6]]) == pytest.approx((13.5 - 1) / (17.5 + 1))
    assert omega_squared([[1, 1], [1, 1]]) is None
    g = hedges_g([4, 5, 6], [1, 2, 3])
    assert g["g"] == pytest.approx(3 * (1 - 3 / 15))
    assert g["low"] < g["g"] < g["high"]
    assert hedges_g([1], [1, 2]) is None


def test_near_duplicates_are_found_and_different_texts_are_not():
    finder = NearDuplicates()
    base = [f"w{i}" for i in range(200)]
    finder.add("one", base)
    finder.add("two", [*base[:100], "other", *base[101:]])
    finder.add("three", [f"v{i}" for i in range(200)])
    finder.add("half", base[:100] + [f"u{i}" for i in range(100)])
    assert finder.groups() == [["one", "two"]]
    report = finder.report()
    assert report["share"]["value"] == 0.5
    assert report["largest"] == 2


@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])  # the first one imports scipy
@given(st.lists(st.sampled_from(["a", "b", "c d e f g h"]), min_size=2, max_size=12))
def test_equal_texts_are_always_one_group(texts):
    finder = NearDuplicates()
    for index, text in enumerate(texts):
        finder.add(str(index), text.split())
    groups = {frozenset(group) for group in finder.groups()}
    for text in set(texts):
        same = frozenset(str(i) for i, other in enumerate(texts) if other == text)
        assert len(same) == 1 or same in groups


def test_more_conversations_than_the_bound_are_said_to_be_left_out():
    finder = NearDuplicates(most=2)
    for index in range(5):
        finder.add(str(index), ["same", "words"])
    assert finder.report()["not_looked_at"] == 3


def test_contamination_is_found_by_a_long_ngram_and_not_by_a_short_one():
    question = "a train leaves the station at nine and travels at sixty miles per hour for three hours"
    finder = Decontamination({"maths": [question], "short": ["what is it"]}, n=8)
    assert finder.look("s1", [textual.words("My teacher asked: " + question.upper())]) == "maths"
    assert finder.look("s2", [textual.words("a train leaves the station at noon")]) is None
    assert finder.look("s3", [textual.words("what is it")]) is None
    report = finder.report(3)
    assert report["benchmarks"]["maths"]["value"] == pytest.approx(1 / 3)
    assert report["examples"][0]["sample_id"] == "s1"


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("write to ann.lee@firm.co.uk", {"email": 1}),
        ("write to ann@example.com", {}),
        ("call +1 415-555-2671 or (415) 555-2671", {"phone": 2}),
        ("card 4111 1111 1111 1111", {"card": 1}),
        ("number 4111 1111 1111 1112", {}),
        ("DE89 3704 0044 0532 0130 00", {"iban": 1}),
        ("ssn 123-45-6789", {"us_ssn": 1}),
        ("server 8.8.4.4 and 192.168.1.1 and version 1.2.3", {"ip_address": 1}),
        ("key sk-" + "a1" * 15, {"api_key": 1}),
        ("-----BEGIN RSA PRIVATE KEY-----", {"private_key": 1}),
        ("password: hunter22", {"password": 1}),
        ("I have 3 cats and 12000 steps since 2021-03-04", {}),
    ],
)
def test_personal_data_and_secrets_are_counted_by_kind(text, kinds):
    assert find_private([text]) == kinds


@pytest.mark.filterwarnings("ignore")
def test_lexical_diversity_is_the_librarys_number():
    """Checked where the library is there; it is no dependency."""
    lexical = pytest.importorskip("lexicalrichness", reason="lexicalrichness is not installed")
    tokens = [f"word{'abcdefghij'[Key('lexical').below(7 + i // 40, i)]}" for i in range(200)]
    theirs = lexical.LexicalRichness(" ".join(tokens))
    assert textual.mtld(tokens) == pytest.approx(theirs.mtld(threshold=0.72))
    assert textual.mattr(tokens) == pytest.approx(theirs.mattr(window_size=50))
