"""Banks and sampling configs as others publish them load unchanged; faulty ones are explained."""

from __future__ import annotations

import subprocess
import sys
from textwrap import dedent

import pytest
import yaml

from personaloom.errors import BankError, ConfigError
from personaloom.personas import PersonaBank, RandomSampler, StratifiedSampler

PUBLISHED = [
    "age_band", "role", "seniority", "specialization", "industry", "education_level", "tone_pref", "domain", "scenario",
    "multi_intent_rate", "risk_posture", "length_pref", "query_length_pref", "format_pref_primary", "deliverable_type",
    "citation_pref", "tech_proficiency", "ai_familiarity", "interaction_frequency", "learning_style", "example_pref",
    "follow_up_tendency", "creativity_vs_precision", "detail_orientation", "time_sensitivity", "collaboration_context",
    "error_tolerance", "explanation_depth", "formality_level", "code_preference", "feedback_style",
    "context_retention_expectation", "autonomy_level",
]  # fmt: skip


@pytest.fixture
def bank_file(tmp_path):
    def write(text: str):
        path = tmp_path / "persona.yaml"
        path.write_text(dedent(text), "utf-8")
        return str(path)

    return write


def test_the_default_bank_has_the_published_dimensions_categories_and_coverage():
    bank = PersonaBank.load("default")
    assert set(PUBLISHED) <= set(bank.names)
    assert set(bank.categories) == {
        "basic_info",
        "demographics",
        "behavioral",
        "communication_style",
        "constraint",
    }
    assert all(3 <= len(d.values) <= 45 and len(d.description) > 20 for d in bank.dimensions)
    assert len(bank.values_of("domain")) >= 20
    assert len(bank.values_of("scenario")) >= 20
    assert bank.values_of("no such dimension") == ()


def test_the_default_bank_lets_nobody_lead_or_hold_a_doctorate_before_18_and_code_without_a_coding_context():
    bank = PersonaBank.load("default")
    coding = {"software development", "data analysis", "artificial intelligence", "cybersecurity"}
    how = {"required_dimensions": ["age_band", "seniority", "education_level", "role", "domain"]}
    coders = next(rule for rule in bank.rules if rule.name == "code-needs-a-coding-context").needs[0]["role"]
    for persona in RandomSampler(bank, 8, **how).sample(3000):
        features = persona.features
        if features["age_band"] == "under 18":
            assert features["seniority"] in ("in training", "entry level")
            assert features["education_level"] in ("some school", "secondary school")
        if "code_preference" in features:
            assert features["role"] in coders or features["domain"] in coding


def test_both_shipped_banks_reach_every_value():
    from personaloom.personas.constraints import reachable, start_domains

    for name in ("default", "compact"):
        bank = PersonaBank.load(name)
        required = [column for column, d in enumerate(bank.dimensions) if d.is_constraint]
        assert reachable(bank, required) == start_domains(bank, required)


def published_list() -> str:
    """33 dimensions in list form, with 3 to 45 values each."""
    entries = [
        {
            "name": name,
            "description": f"About {name}.",
            "type": "categorical",
            "category": "constraint" if number > 27 else "basic_info",
            "is_constraint": number > 27,
            "values": [f"{name} {k}" for k in range(3 + number * 42 // 32)],
        }
        for number, name in enumerate(PUBLISHED)
    ]
    return yaml.safe_dump({"version": "1.0", "metadata": {"author": "someone"}, "dimensions": entries}, sort_keys=False)


def test_the_published_shape_in_list_form_loads_and_samples(bank_file):
    bank = PersonaBank.load(bank_file(published_list()))
    assert bank.names == tuple(PUBLISHED)
    assert len(bank.dimensions[-1].values) == 45
    personas = list(RandomSampler(bank, 42, required_dimensions=["query_length_pref"]).sample(200))
    for persona in personas:
        assert 10 <= len(persona.features) <= 20
        assert {"query_length_pref", *PUBLISHED[28:]} <= set(persona.features)


def test_the_published_shape_in_mapping_form_is_the_same_bank(bank_file):
    listed = PersonaBank.load(bank_file(published_list()))
    entries = {entry["name"]: entry for entry in yaml.safe_load(published_list())["dimensions"]}
    mapped = PersonaBank.load(bank_file(yaml.safe_dump({"dimensions": entries}, sort_keys=False)))
    assert mapped.fingerprint() == listed.fingerprint()


def test_values_can_be_names_entries_or_a_mapping_and_words_that_yaml_would_change_stay_words(bank_file):
    bank = PersonaBank.load(
        bank_file("""
            dimensions:
              answer: [yes, no, 007, 1.50, 2024-01-01]
              size: {values: {small: 2, large: {weight: 3, description: big one}, odd: a word about it}}
              colour:
                values: [{value: red, weight: 2, description: warm}, {name: blue}, green]
                weights: {green: 5}
              even: {values: [a, b], weights: [1, 4]}
        """)
    )
    assert bank.values_of("answer") == ("yes", "no", "007", "1.50", "2024-01-01")
    assert [(v.name, v.weight, v.description) for v in bank.dimension("size").values] == [
        ("small", 2, ""), ("large", 3, "big one"), ("odd", 1, "a word about it"),
    ]  # fmt: skip
    assert [v.weight for v in bank.dimension("colour").values] == [2, 1, 5]
    assert [v.weight for v in bank.dimension("even").values] == [1, 4]
    assert bank.descriptions({"colour": "red", "unknown": "x"}) == {"colour": " Here: warm"}


def test_anchors_merges_and_an_alias_that_contains_itself(bank_file):
    text = """
        base: &base {category: demographics, is_constraint: true, values: [a, b]}
        dimensions:
          one: *base
          two: {<<: *base, values: [c]}
    """
    bank = PersonaBank.load(bank_file(text))
    assert bank.values_of("two") == ("c",)
    assert bank.dimension("two").is_constraint
    with pytest.raises(BankError, match="an alias contains itself"):
        PersonaBank.load(bank_file("dimensions: &d {a: *d}"))


FAULTS = [
    ("", "has the key 'dimensions'; it is empty"),
    ("dimension: {a: [x]}", "did you mean|its keys are dimension"),
    ("dimensions: {}", r"persona.yaml:1: the bank is empty: it has no dimensions → add one"),
    ("dimensions:\n  - name: a\n    values: []", r"persona.yaml:\d: dimension 'a' has no values → give it values"),
    ("dimensions:\n  a: {description: x}", r"persona.yaml:2: dimension 'a' has no values"),
    ("dimensions:\n  a: {vales: [x]}", r"persona.yaml:2: dimension 'a' has no key 'vales' → did you mean 'values'"),
    ("dimensions:\n  - values: [x]", r"persona.yaml:2: a dimension has no name"),
    ("dimensions:\n  - {name: a, values: [x]}\n  - {name: a, values: [y]}", r":3: dimension 'a' is given twice, first in line 2"),
    ("dimensions:\n  a: [x]\n  a: [y]", r"persona.yaml:3: 'a' is given twice, first in line 2"),
    ("dimensions:\n  a: [x, x]", r"persona.yaml:2: dimension 'a' has the value 'x' twice"),
    ("dimensions:\n  a: [x, '']", r"persona.yaml:2: a value of 'a' is empty"),
    ("dimensions:\n  a: {values: [{value: x, weight: -1}]}", r"the weight of a='x' is '-1' → write a number"),
    ("dimensions:\n  a: {values: [x], weights: {z: 1}}", r"weights of 'a' name 'z' → choose from x"),
    ("dimensions:\n  a: {values: [x], is_constraint: maybe}", r"is_constraint of 'a' is 'maybe' → write true or false"),
    ("dimensions: [a", r"persona.yaml:\d: this is not YAML"),
    ("dimensions: {a: [x]}\nrules:\n  - name: r\n    if: {b: x}\n    then: {a: x}", r":4: rule 'r' names the unknown dimension 'b'"),
    ("dimensions: {a: [east, west]}\nrules:\n  - {name: r, exclude: {a: easst}}", r":3: rule 'r': 'easst' is no value of a → did you mean 'east'"),
    ("dimensions: {a: [x]}\nrules:\n  - {name: r, when: {a: x}}", r"rule 'r' has no key 'when'.*\n.*rule 'r' does nothing"),
    ("dimensions: {a: [x]}\nrules:\n  - {name: r, weights: {a: {x: 0}}}", r"the weight of a='x' is '0' → .*use 'exclude'"),
    ("dimensions: {a: [x]}\nrules: {r: 1}", r"rules is no list"),
    ("dimensions: {a: [x, y]}\nrules:\n  - {name: r, exclude: {a: any}}", r":3: dimension 'a': no persona can have it and keep the rules: 'r' \(line 3\)"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message"), FAULTS)
def test_a_faulty_bank_is_refused_with_file_line_dimension_and_remedy(bank_file, text, message):
    with pytest.raises(BankError, match=message):
        PersonaBank.load(bank_file(text))


def test_all_faults_are_listed_at_once(bank_file):
    with pytest.raises(BankError) as caught:
        PersonaBank.load(bank_file("dimensions:\n  a: []\n  b: {values: [x, x]}\n  c: 5\n"))
    assert str(caught.value).count("persona.yaml:") == 3


def test_rules_that_contradict_a_constraint_dimension_are_named_with_their_lines(bank_file):
    text = """
        dimensions:
          a: {values: [x, y], is_constraint: true}
          b: {values: [x, y], is_constraint: true}
        rules:
          - {name: idle, if: {a: x}, then: {b: x}}
          - {name: one, exclude: {a: x}}
          - {name: two, if: {a: y}, then: {b: unset}}
    """
    with pytest.raises(BankError) as caught:
        PersonaBank.load(bank_file(text))
    assert "'one' (line 7), 'two' (line 8)" in str(caught.value)
    assert "idle" not in str(caught.value)


def test_an_unknown_name_and_a_missing_file_are_told_apart(tmp_path):
    with pytest.raises(BankError, match="there is no bank 'defualt' → did you mean default"):
        PersonaBank.load("defualt")
    with pytest.raises(BankError, match="there is no file"):
        PersonaBank.load(str(tmp_path / "none.yaml"))
    with pytest.raises(BankError, match=r"persona_bank.path is empty"):
        PersonaBank.load("")


FLAT = """
    sampling:
      strategy: random
      feature_availability_rate: 0.5
      min_features: 4
      max_features: 8
      required_dimensions: [query_length_pref]
      min_constraints: 1
      max_constraints: 2
      min_hamming_distance: 2
      max_retries: 60
      seed: 7
"""
NESTED = """
    random_sampling: {feature_availability_rate: 0.5, min_features: 4, max_features: 8, required_dimensions: [query_length_pref]}
    diversity: {enabled: true, min_hamming_distance: 2, max_attempts: 60}
    constraints: {min_constraints: 1, max_constraints: 2}
    output: {path: somewhere}
"""


@pytest.mark.parametrize("text", [FLAT, NESTED])
def test_the_published_sampling_config_loads_unchanged(tmp_path, text):
    path = tmp_path / "sampling_config.yaml"
    path.write_text(dedent(text), "utf-8")
    sampler = RandomSampler(PersonaBank.load("compact"), 3, config=str(path))
    s = sampler.settings
    assert (s.feature_availability_rate, s.min_features, s.max_features) == (0.5, 4, 8)
    assert s.required_dimensions == ("query_length_pref",)
    assert (s.min_constraints, s.max_constraints) == (1, 2)
    assert (s.diversity.min_hamming_distance, s.diversity.max_attempts, s.diversity.enabled) == (2, 60, True)
    assert sampler.seed == 3
    assert all(4 <= len(persona.features) <= 8 for persona in sampler.sample(50))


def test_a_sampling_config_of_another_strategy_or_without_settings_is_refused(tmp_path):
    path = tmp_path / "sampling_config.yaml"
    path.write_text(dedent(FLAT), "utf-8")
    with pytest.raises(ConfigError, match="its strategy is 'random', the sampler is stratified → sampler=random"):
        StratifiedSampler(PersonaBank.load("compact"), 3, config=str(path))
    path.write_text("other: 1\n", "utf-8")
    with pytest.raises(ConfigError, match="no sampling settings found"):
        RandomSampler(PersonaBank.load("compact"), 3, config=str(path))


def test_importing_the_package_loads_nothing_heavy():
    code = "import sys, personaloom.personas; print(sorted({'numpy','pyarrow','yaml','pandas'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
