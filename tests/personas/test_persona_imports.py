"""Others' personas are dealt; a population's tables are matched; statistics say what was made."""

from __future__ import annotations

import csv
import json
from collections import Counter
from itertools import combinations

import numpy as np
import pytest

from personaloom.errors import BankError, InfeasibleError
from personaloom.personas import PersonaBank, PopulationBank, RandomSampler, TextPersonaBank, WeightedSampler
from personaloom.personas.fitting import fit
from personaloom.personas.statistics import distance_statistics
from personaloom.personas.tables import PopulationTables


def jsonl(path, rows):
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return str(path)


@pytest.mark.parametrize(
    ("row", "features"),
    [
        ({"persona": "A baker. "}, {"persona": "A baker."}),
        ({"input persona": "A baker.", "id": 3}, {"persona": "A baker."}),
        (
            {
                "uuid": "f",
                "professional_persona": "Bakes.",
                "persona": "Ana bakes.",
                "age": 41,
                "skills_list": ["x"],
                "sex": None,
            },
            {"persona": "Ana bakes.", "professional_persona": "Bakes.", "age": "41"},
        ),
    ],
)
def test_published_columns_of_text_personas_become_features(tmp_path, row, features):
    bank = TextPersonaBank.load(jsonl(tmp_path / "p.jsonl", [row]))
    persona = next(RandomSampler(bank, 1).sample(1))
    assert persona.features == features
    assert set(bank.descriptions(features)) == set(features)


def test_text_personas_are_dealt_once_each_in_an_order_that_the_seed_decides_and_growth_keeps(tmp_path):
    rows = [{"persona": f"Person {n}."} for n in range(50)]
    bank = TextPersonaBank.load(jsonl(tmp_path / "p.jsonl", [*rows, rows[3]]))
    sampler = RandomSampler(bank, 4, min_features=10)
    dealt = list(sampler.sample(50))
    assert {persona.features["persona"] for persona in dealt} == {row["persona"] for row in rows}
    assert [persona.persona_id for persona in dealt[:2]] == ["p000000", "p000001"]
    assert list(RandomSampler(bank, 4).sample(7, start=3)) == dealt[3:10]
    assert list(sampler.sample_population(20)) == dealt[:20]
    assert list(RandomSampler(bank, 5).sample(50)) != dealt
    assert sampler.statistics(50)["bank"]["repeated_lines"] == 1
    assert sampler.fingerprint() != RandomSampler(bank, 5).fingerprint()
    with pytest.raises(InfeasibleError, match=r"51 personas were asked for.*num_personas=50"):
        sampler.sample(51)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", r"p.jsonl:2: this is not JSON"),
        ('{"persona": "half an emoji \\ud83d"}', r"p.jsonl:2: this is not JSON"),
        ('{"persona": "deep", "x": ' + "[" * 9000 + "]" * 9000 + "}", r"p.jsonl:2: this is not JSON"),
        ("[1]", r"p.jsonl:2: a JSON list, not an object"),
        (
            '{"bio": "x"}',
            r"p.jsonl:2: no text under persona .* its keys are bio → set persona_bank.text_field",
        ),
        ('{"persona": ""}', r"p.jsonl:2: no text"),
    ],
)
def test_a_line_that_is_no_persona_is_refused_with_its_number(tmp_path, line, message):
    path = tmp_path / "p.jsonl"
    path.write_text('{"persona": "A."}\n' + line + "\n", "utf-8")
    with pytest.raises(BankError, match=message):
        TextPersonaBank.load(str(path))


def test_an_empty_or_missing_file_of_text_personas_is_refused(tmp_path):
    (tmp_path / "e.jsonl").write_text("\n", "utf-8")
    with pytest.raises(BankError, match="has no personas"):
        TextPersonaBank.load(str(tmp_path / "e.jsonl"))
    with pytest.raises(BankError, match="cannot be read"):
        TextPersonaBank.load(str(tmp_path / "none.jsonl"))


# -- populations -------------------------------------------------------------------------------------------------------


def people(path, count=600):
    """Age decides work strongly; region is independent; work decides income."""
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(["age", "work", "region", "income", "w"])
        for n in range(count):
            age = ("young", "middle", "old")[n % 3]
            work = {"young": "study", "middle": "job", "old": "rest"}[age] if n % 5 else "job"
            income = "high" if work == "job" and n % 4 else "low"
            out.writerow([age, work, ("north", "south")[n // 3 % 2], income, 1 + n % 2])
    return str(path)


def test_sampled_personas_match_the_two_way_tables_of_a_population(tmp_path):
    bank = PopulationBank.load(people(tmp_path / "p.csv"), weight="w")
    assert bank.report["fit_error"] < 1e-6
    assert bank.report["fit_converged"]
    assert ["age", "work"] in bank.report["two_way_tables"]
    how = {"diversity": {"enabled": False}, "min_features": 4, "max_features": 4}
    sampler = WeightedSampler(bank, 3, **how)
    seen = Counter((p.features["age"], p.features["work"]) for p in sampler.sample(20_000))
    rows = list(csv.DictReader((tmp_path / "p.csv").read_text("utf-8").splitlines()))
    total = sum(float(row["w"]) for row in rows)
    wanted = Counter()
    for row in rows:
        wanted[row["age"], row["work"]] += float(row["w"]) / total
    assert set(seen) == set(wanted)
    assert all(abs(seen[cell] / 20_000 - share) < 0.015 for cell, share in wanted.items())
    assert sampler.statistics(100)["bank"]["population"] == "p.csv"


def test_a_circle_of_tables_is_fitted_on_the_joint_and_the_personas_match_all_three(tmp_path):
    pairs = [["age", "work"], ["work", "income"], ["age", "income"]]
    bank = PopulationBank.load(people(tmp_path / "p.csv"), weight="w", pairs=pairs)
    assert bank.report["fit_error"] < 1e-5
    how = {"diversity": {"enabled": False}, "min_features": 4, "max_features": 4}
    personas = list(WeightedSampler(bank, 3, **how).sample(20_000))
    rows = list(csv.DictReader((tmp_path / "p.csv").read_text("utf-8").splitlines()))
    total = sum(float(row["w"]) for row in rows)
    for a, b in pairs:
        seen = Counter((p.features[a], p.features[b]) for p in personas)
        for cell in {(row[a], row[b]) for row in rows}:
            share = sum(float(row["w"]) for row in rows if (row[a], row[b]) == cell) / total
            assert abs(seen[cell] / 20_000 - share) < 0.015


def test_a_parquet_of_counts_gives_the_same_bank_as_its_csv(tmp_path):
    import pyarrow as pa
    import pyarrow.csv as pa_csv
    import pyarrow.parquet as pa_parquet

    table = pa.table(
        {
            "dimension": ["age", "age", "age", "age", "age", "age"],
            "value": ["young", "old", "young", "young", "old", "old"],
            "dimension_2": [None, None, "work", "work", "work", "work"],
            "value_2": [None, None, "study", "job", "study", "job"],
            "count": [30, 70, 8, 2, 1, 9],
        }
    )
    pa_parquet.write_table(table, tmp_path / "t.parquet")
    pa_csv.write_csv(table, tmp_path / "t.csv")
    bank = PopulationBank.load(str(tmp_path / "t.parquet"))
    assert bank.fingerprint() == PopulationBank.load(str(tmp_path / "t.csv")).fingerprint()
    assert [round(value.weight, 3) for value in bank.dimension("age").values] == [0.3, 0.7]
    # The table's own margins (0.5, 0.5) contradict the marginal (0.3, 0.7): reported, not hidden.
    assert bank.report["fit_error"] > 0.05
    assert not bank.report["fit_converged"]


def test_fitting_reproduces_a_known_answer():
    """Deming and Stephan's property: from a uniform start, independent targets give their product."""
    a, b = np.array([0.2, 0.8]), np.array([0.5, 0.25, 0.25])
    tables = PopulationTables(
        {"a": ("x", "y"), "b": ("p", "q", "r")}, {"a": a, "b": b}, {("a", "b"): np.outer(a, b)}, 1
    )
    fitted = fit(tables, 1e-9, 100)
    assert fitted.error < 1e-9
    assert np.allclose(fitted.conditionals[1].table[1:], np.outer(a, b))


@pytest.mark.parametrize(
    ("name", "text", "how", "message"),
    [
        ("p.txt", "a\nx\n", {}, "is a .csv or .parquet file"),
        ("p.csv", "a\n", {}, "has no rows"),
        ("p.csv", "a,w\nx,-3\n", {"weight": "w"}, r"row 1, column 'w': -3 → write a number"),
        ("p.csv", "a\nx\n", {"columns": ["b"]}, "has no column 'b' → choose from a"),
        ("p.csv", "a,b\nx,y\n", {"pairs": [["a", "c"]]}, "name two different ones of a, b"),
        ("p.csv", "a,b\nx,y\n", {"pairs": "all"}, "write auto, none, or a list"),
        ("p.csv", "dimension,value\na,x\n", {}, "has no column 'count'"),
        ("p.csv", "dimension,value,count\na,,1\n", {}, "row 1 names no value"),
        ("p.csv", "a\nx\n", {"tolerance": 0}, "persona_bank.tolerance is 0"),
    ],
)
def test_a_population_that_cannot_be_used_is_refused_with_what_to_mend(tmp_path, name, text, how, message):
    (tmp_path / name).write_text(text, "utf-8")
    with pytest.raises(BankError, match=message):
        PopulationBank.load(str(tmp_path / name), **how)


# -- statistics --------------------------------------------------------------------------------------------------------


def test_statistics_of_a_small_population_are_exact():
    sampler = RandomSampler(PersonaBank.load("compact"), 2, diversity={"min_hamming_distance": 2})
    facts = sampler.statistics(120)
    codes = sampler.sample_population(120).codes
    distances = [int((a != b).sum()) for a, b in combinations(codes, 2)]
    d = facts["distance"]
    assert d["exact"]
    assert (d["minimum"], d["pairs"], d["certified_minimum"]) == (min(distances), len(distances), 2)
    assert d["mean"] == pytest.approx(np.mean(distances), abs=1e-6)
    assert d["histogram"] == {str(k): n for k, n in sorted(Counter(distances).items())}
    counts = (codes > 0).sum(axis=1)
    assert facts["availability"]["mean_features"] == pytest.approx(counts.mean(), abs=1e-6)
    bank = sampler.bank
    tone = Counter(codes[:, bank.positions["tone_pref"]][codes[:, bank.positions["tone_pref"]] > 0].tolist())
    shares = np.array(list(tone.values())) / sum(tone.values())
    assert facts["entropy"]["tone_pref"]["bits"] == pytest.approx(-(shares * np.log2(shares)).sum(), abs=1e-5)
    json.dumps(facts)


def test_pairs_of_values_that_a_rule_forbids_do_not_count_as_missing():
    bank = PersonaBank.load("compact")
    facts = RandomSampler(bank, 2).statistics(3000)["coverage"]
    assert facts["values"] == {
        "possible": facts["values"]["seen"],
        "seen": facts["values"]["seen"],
        "share": 1.0,
    }
    assert facts["pairs"]["share"] == 1.0


def test_above_a_few_thousand_personas_pairs_are_sampled_by_key_and_the_statistics_say_so():
    codes = RandomSampler(PersonaBank.load("compact"), 2).sample_population(4000).codes
    sampled = distance_statistics(codes, 3, 1)
    assert not sampled["exact"]
    assert "keyed sample of 200,000 of 7,998,000 pairs" in sampled["basis"]
    assert sampled == distance_statistics(codes, 3, 1)
    all_mean = np.mean([(codes[row + 1 :] != codes[row]).sum(axis=1).mean() for row in range(0, 3999, 40)])
    assert sampled["mean"] == pytest.approx(all_mean, abs=0.05)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_statistics_of_next_to_nothing_are_there(count):
    facts = RandomSampler(PersonaBank.load("compact"), 2).statistics(count)
    assert facts["count"] == count
    assert facts["distance"]["pairs"] == count * (count - 1) // 2
    json.dumps(facts)


def test_a_population_is_a_sequence():
    sampler = RandomSampler(PersonaBank.load("compact"), 2)
    population = sampler.sample_population(10)
    whole = list(sampler.sample(10))
    assert len(population) == 10
    assert list(population) == whole
    assert population[-1] == whole[9]
    assert population[2:4] == whole[2:4]
    with pytest.raises(IndexError):
        population[10]
