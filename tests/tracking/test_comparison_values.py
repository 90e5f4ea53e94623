"""Comparisons: what is paired with what, how large a difference is, how sure that is, and the files that say it."""

import csv
import json
import math

import pytest
from comparison_folders import edit_manifest, edit_talks, make_level
from hypothesis import given, settings
from hypothesis import strategies as st

from personaloom.errors import InputError, UsageError
from personaloom.keyed import Key
from personaloom.tracking.comparison import compare, members_of, write_comparison
from personaloom.tracking.comparison.log import _member_tags
from personaloom.tracking.comparison.members import baseline_of
from personaloom.tracking.comparison.statistics import FEWEST, cells_of, deviation, difference, holm, mean

KEY = Key("test")


def longer(words):
    """A change that adds so many words to each reply."""

    def change(talk):
        for message in talk["messages"][1::2]:
            message["content"] += " more" * words
        return talk

    return change


def row(result, measure, level):
    (found,) = [r for r in result["differences"] if (r["measure"], r["level"]) == (measure, level)]
    return found


def pairing(result, label):
    return next(member["pairing"] for member in result["members"] if member["label"] == label)


def compared(folders, **options):
    overrides = [json.loads((f / "manifest.json").read_text())["sweep"]["overrides"] for f in folders]
    return compare(members_of(folders, overrides), **options)


# -- statistics -----------------------------------------------------------------------------------------------------


def test_holm_adjusts_for_the_number_of_tests_and_leaves_out_what_was_not_tested():
    assert holm([0.01, None, 0.04, 0.03]) == [0.03, None, 0.06, 0.06]
    assert holm([0.9, 0.8]) == [1.0, 1.0]


def test_an_interval_needs_thirty_personas_and_n_is_always_there():
    few = {f"p{i}": [float(i)] for i in range(FEWEST - 1)}
    assert mean(cells_of(few), KEY) == {"value": 14.0, "low": None, "high": None, "n": 29, "personas": 29}
    enough = mean(cells_of(few | {"p29": [29.0]}), KEY)
    assert enough["low"] < enough["value"] < enough["high"]
    assert difference(cells_of(few), KEY, test=True)["p"] is None


def test_the_interval_is_over_personas_and_not_over_their_conversations():
    """Ten equal conversations of a persona tell no more than one of them."""
    once = {f"p{i:02d}": [float(i % 7)] for i in range(40)}
    many = {persona: values * 10 for persona, values in once.items()}
    single, repeated = mean(cells_of(once), KEY), mean(cells_of(many), KEY)
    assert (single["low"], single["high"]) == (repeated["low"], repeated["high"])
    assert (single["n"], repeated["n"]) == (40, 400)


def test_intervals_cover_a_known_mean_about_as_often_as_they_say():
    """Of 200 samples of a known distribution, the 95 % interval misses the mean in about ten (in fewer than 24)."""
    misses = 0
    for number in range(200):
        draws = {f"p{i:02d}": [float(Key("cover", number, i).below(1000))] for i in range(60)}
        found = mean(cells_of(draws), Key("cover", number))
        misses += not found["low"] <= 499.5 <= found["high"]
    assert 2 <= misses < 24


def test_a_test_sees_a_shift_and_none_where_there_is_none():
    assert difference(cells_of({f"p{i}": [1.0 + i % 3] for i in range(40)}), KEY, test=True)["p"] == pytest.approx(
        1 / 5000
    )
    assert difference(cells_of({f"p{i}": [0.0] for i in range(40)}), KEY, test=True)["p"] == 1.0
    even = {f"p{i}": [1.0 if i % 2 else -1.0] for i in range(40)}
    assert difference(cells_of(even), KEY, test=True)["p"] > 0.9


@settings(deadline=None)
@given(st.lists(st.integers(-50, 50), min_size=31, max_size=60))
def test_the_same_data_gives_the_same_numbers_in_whatever_order(values):
    named = {f"p{i:03d}": [float(value)] for i, value in enumerate(values)}
    backwards = dict(reversed(list(named.items())))
    assert difference(cells_of(named), KEY, test=True) == difference(cells_of(backwards), KEY, test=True)


def test_the_deviation_between_replicates_has_n_minus_one():
    assert deviation([1.0, 2.0, 3.0]) == 1.0
    assert deviation([1.0]) is None


# -- members --------------------------------------------------------------------------------------------------------


def test_datasets_are_named_by_what_differs_and_seeds_make_replicates(tmp_path):
    folders = [
        make_level(tmp_path, level, rate, replicate=seed)
        for level, rate in (("none", 0), ("heavy", 1))
        for seed in (1, 2)
    ]
    overrides = [
        [f"distractor={level}", f"seed={seed}", "num_personas=4"] for level in ("none", "heavy") for seed in (1, 2)
    ]
    members = members_of(folders, overrides)
    assert [m.level for m in members] == ["distractor=none"] * 2 + ["distractor=heavy"] * 2
    assert [m.replicate for m in members] == ["seed=1", "seed=2"] * 2
    assert members[3].label == "distractor=heavy seed=2"


def test_folders_without_a_sweep_are_named_by_their_configs(tmp_path):
    folders = [make_level(tmp_path, level, 0.5) for level in ("light", "heavy")]
    for folder, rate in zip(folders, (0.1, 0.6), strict=True):
        edit_manifest(folder, lambda m, rate=rate: m["config"]["distractor"].update(activation_probability=rate))
        edit_manifest(folder, lambda m: m["config"].update(name="same"))
    assert [m.label for m in members_of(folders)] == ["activation_probability=0.1", "activation_probability=0.6"]


def test_datasets_that_differ_in_nothing_known_are_told_apart_by_fingerprint(tmp_path):
    folders = [make_level(tmp_path, level, 0.5) for level in ("light", "heavy")]
    labels = [m.label for m in members_of(folders)]
    assert len(set(labels)) == 2


def test_the_baseline_is_the_quietest_level_unless_another_one_is_asked_for(tmp_path):
    folders = [make_level(tmp_path, level, rate) for level, rate in (("heavy", 1), ("none", 0), ("light", 0.5))]
    members = members_of(folders, [["distractor=heavy"], ["distractor=none"], ["distractor=light"]])
    assert baseline_of(members) == "distractor=none"
    assert baseline_of(members, "light") == baseline_of(members, "2") == baseline_of(members, "distractor=light")
    with pytest.raises(UsageError, match=r"baseline=lihgt is none of the levels → one of: distractor=heavy"):
        baseline_of(members, "lihgt")


def test_one_dataset_is_no_comparison(tmp_path):
    folder = make_level(tmp_path, "none", 0)
    with pytest.raises(UsageError, match="needs two"):
        members_of([folder, folder])


# -- pairing --------------------------------------------------------------------------------------------------------


def test_levels_of_one_sweep_are_paired(tmp_path):
    folders = [make_level(tmp_path, level, rate) for level, rate in (("none", 0), ("light", 0.5), ("heavy", 1))]
    result = compared(folders)
    assert [member["pairing"] for member in result["members"]] == ["baseline", "ok (8)", "ok (8)"]
    assert all(r["value"] > 0 for r in result["differences"] if r["measure"] == "noisy_turns")


def test_texts_that_part_before_any_noise_are_not_paired_beyond_persona_and_query(tmp_path):
    base = make_level(tmp_path, "none", 0)
    other = make_level(tmp_path, "heavy", 0, change=longer(2))
    assert pairing(compared([base, other]), "distractor=heavy").startswith(
        "by persona and query only (8): texts part before the first noisy message in p000000-q00"
    )
    edit_manifest(other, lambda m: m["models"][0].update(model="another/model"))
    assert "models differ (assistant: simulated/persona-1 and another/model)" in pairing(
        compared([base, other]), "distractor=heavy"
    )


def test_other_personas_are_not_paired_and_the_reason_names_the_seeds(tmp_path):
    def stranger(talk):
        talk["original_query"] += " for somebody else"
        return talk

    seeds = {"personas": 42, "queries": 42, "noise": 42, "generation": 42}
    base = make_level(tmp_path, "none", 0, personas=35)
    other = make_level(
        tmp_path,
        "heavy",
        1,
        personas=35,
        change=stranger,
        seeds=seeds | {"personas": 7},
        fingerprints={"personas": "x"},
    )
    result = compared([base, other])
    assert pairing(result, "distractor=heavy") == "no: the personas differ (seeds.personas 42 and 7)"
    found = row(result, "edit_distance", "distractor=heavy")
    assert found["paired"] is False
    assert found["p"] is None
    assert found["low"] < found["value"] < found["high"]


def test_a_conversation_made_up_with_another_query_is_left_out(tmp_path):
    def supplement(talk):
        if talk["interaction_id"] == "p000001-q01":
            talk |= {"interaction_id": "p000001-q01-s1", "original_query": "something else"}
        return talk

    base = make_level(tmp_path, "none", 0, personas=8)
    other = make_level(tmp_path, "heavy", 1, personas=8, change=supplement)
    result = compared([base, other])
    assert pairing(result, "distractor=heavy") == "ok (15); 1 left out: made up with another query"


def test_conversations_out_of_order_are_refused(tmp_path):
    base, other = (make_level(tmp_path, level, rate) for level, rate in (("none", 0), ("heavy", 1)))
    path = other / "interactions.jsonl"
    path.write_text("".join(reversed(path.read_text().splitlines(keepends=True))))
    with pytest.raises(InputError, match="in order of their ids"):
        compared([base, other])


# -- differences ----------------------------------------------------------------------------------------------------


def test_more_than_a_hundred_conversations_of_a_persona_stand_in_order(tmp_path):
    """``q100`` comes after ``q99``, although it sorts before it."""

    def later(talk):
        talk["interaction_id"] = talk["interaction_id"].replace("-q00", "-q99").replace("-q01", "-q100")
        return talk

    folders = [make_level(tmp_path, level, rate, change=later) for level, rate in (("none", 0), ("heavy", 1))]
    assert [member["pairing"] for member in compared(folders)["members"]] == ["baseline", "ok (8)"]


def test_a_known_effect_is_found_with_its_interval_and_the_others_are_corrected(tmp_path):
    def some_longer(talk):
        return longer(3 + int(talk["persona_id"][-1]) % 3)(talk)

    base = make_level(tmp_path, "none", 0, personas=40)
    other = make_level(tmp_path, "heavy", 0, personas=40, change=some_longer)
    result = compared([base, other])
    found = row(result, "assistant_words", "distractor=heavy")
    assert found["low"] <= found["value"] <= found["high"]
    assert 3 < found["value"] < 5
    assert found["n"] == 80
    assert found["personas"] == 40
    assert found["primary"] is True
    assert found["p"] == found["p_adjusted"] == pytest.approx(1 / 5000)
    assert row(result, "noisy_turns", "distractor=heavy")["p"] is None
    others = [r for r in result["differences"] if not r["primary"] and r["p"] is not None]
    assert all(r["p_adjusted"] >= r["p"] for r in others)


def test_replicates_show_their_spread_beside_the_effect(tmp_path):
    folders = [
        make_level(tmp_path, level, 0, replicate=seed, change=longer(seed * step))
        for level, step in (("none", 10), ("heavy", 12))
        for seed in (1, 2, 3)
    ]
    result = compared(folders, baseline="none")
    found = row(result, "assistant_words", "distractor=heavy")
    assert found["replicates"] == {"seed=1": 2.0, "seed=2": 4.0, "seed=3": 6.0}
    assert found["value"] == 4.0
    assert found["deviation"] == 2.0
    spread = {r["level"]: r["deviation"] for r in result["replicates"] if r["measure"] == "assistant_words"}
    assert spread == {"distractor=none": 10.0, "distractor=heavy": 12.0}


def test_failed_conversations_count_as_failed_and_not_as_short(tmp_path):
    base, other = (make_level(tmp_path, level, 0) for level in ("none", "heavy"))
    edit_talks(other, lambda talk: None if talk["interaction_id"] == "p000000-q00" else talk)
    failure = {"failure_id": "p000000-q00", "persona_id": "p000000", "stage": "interaction", "kind": "timeout"}
    (other / "failures.jsonl").write_text(json.dumps(failure) + "\n")
    result = compared([base, other])
    assert row(result, "failed", "distractor=heavy")["value"] == pytest.approx(1 / 8)
    assert row(result, "turns", "distractor=heavy")["value"] == 0
    assert "1 only in one of the two" in pairing(result, "distractor=heavy")


def test_an_unknown_primary_measure_is_refused_with_the_choices(tmp_path):
    folders = [make_level(tmp_path, level, 0) for level in ("none", "heavy")]
    with pytest.raises(UsageError, match=r"primary=noisy_turns is none of the measures → one of: turns, "):
        compared(folders, primary="noisy_turns")


# -- files ----------------------------------------------------------------------------------------------------------


def test_everything_is_written_and_says_the_same(tmp_path):
    folders = [make_level(tmp_path, level, rate) for level, rate in (("none", 0), ("heavy", 1))]
    target = tmp_path / "comparison"
    result = write_comparison(members_of(folders, [["model=a|b"], ["distractor=heavy"]]), target, name="a 50 % test")
    names = {path.name for path in target.iterdir()}
    assert names == {
        "comparison.html", "comparison.json", "comparison.tex", "differences.csv", "distributions.png", "forest.png",
        "means.csv", "metrics.csv", "summary.md",
    }  # fmt: skip
    read = json.loads((target / "comparison.json").read_text(), parse_constant=pytest.fail)
    assert read["differences"] == json.loads(json.dumps(result["differences"]))
    with (target / "differences.csv").open() as source:
        rows = list(csv.DictReader(source))
    assert len(rows) == len(result["differences"])
    noisy = next(r for r in rows if r["measure"] == "noisy_turns")
    assert math.isclose(float(noisy["difference"]), row(result, "noisy_turns", "distractor=heavy")["value"])
    assert "SIM" in (target / "summary.md").read_text()
    assert "no tests below 30 personas" in (target / "summary.md").read_text()
    assert "| Reply length (primary), words |" in (target / "summary.md").read_text()
    assert "| `model=a\\|b` |" in (target / "summary.md").read_text()
    tex = (target / "comparison.tex").read_text()
    assert tex.count("\\begin{tabular}") == tex.count("\\end{tabular}") == 2
    assert "MATTR" not in tex
    assert (target / "forest.png").read_bytes().startswith(b"\x89PNG")


def test_a_run_that_was_there_before_the_sweep_is_called_as_the_others_are():
    member = {"run_id": "r", "simulated": True, "job": 2, "label": "distractor=moderate seed=1"}
    member |= {"pairing": "ok (2)", "baseline": "distractor=none seed=1"}
    sweep = _member_tags({"sweep": {"id": "s"}, "members": [member]})
    assert sweep["r"]["mlflow.runName"] == "SIM-distractor=moderate seed=1"
    assert "mlflow.runName" not in _member_tags({"sweep": {}, "members": [member]})["r"], "a comparison renames nothing"
