"""Templates are given the variables that the list says, so that a wrong one is found before anything is paid."""

from collections import defaultdict

from harness import run

from personaloom.llm.prompt_fields import INSIDE
from personaloom.llm.prompt_variables import VARIABLES
from personaloom.llm.prompts import PromptLibrary, shipped_prompts


def fits(value, example):
    """Whether a value has the fields of an example, and no others."""
    if isinstance(example, list):
        return isinstance(value, list | tuple) and all(fits(each, example[0]) for each in value)
    if isinstance(example, dict):
        return value.keys() == example.keys() and all(fits(value[key], each) for key, each in example.items())
    return value is None or isinstance(value, type(example))


def test_every_template_is_given_exactly_the_variables_and_fields_that_are_listed(tmp_path, monkeypatch):
    given = defaultdict(set)
    render = PromptLibrary.render

    def watched(library, name, variables):
        given[name] |= {frozenset(variables)}
        for key in INSIDE.keys() & variables.keys():
            assert fits(variables[key], INSIDE[key]), key
        return render(library, name, variables)

    monkeypatch.setattr(PromptLibrary, "render", watched)
    noisy = ("distractor=heavy", "distractor.pairs=true", "llm.roles.extractor.model=simulated/other")
    judged = (
        "quality=judged",
        "quality.judge.share=1",
        "quality.judge.pairs=true",
        "llm.roles.judge.model=simulated/j",
    )
    assert run("num_personas=2", *noisy, *judged, out=tmp_path) == 0
    assert given == {name: {names} for name, names in VARIABLES.items()}
    assert set(VARIABLES) == set(shipped_prompts())


def test_a_template_may_set_names_and_ask_for_them(tmp_path):
    own = tmp_path / "assistant.j2"
    own.write_text(
        "{# version: 1 #}\n=== system\n{% set tone = 'dry' %}{% macro say(word) %}{{ word }}{% endmacro %}"
        "{% for m in history %}{{ loop.index }}{{ say(m.role) }}{% endfor %}{{ tone }}{{ range(2) | list }}"
        "{{ mood | default('calm') }}{% if season is defined %}{{ season }}{% endif %}\n=== user\n{{ topic }}\n"
    )
    library = PromptLibrary(overrides={"assistant": own})
    facts = {"history": [{"role": "user"}], "topic": "clocks", "features": {}, "persona_prompt": ""}
    messages, _ = library.render("assistant", facts)
    assert messages[0].content == "1userdry[0, 1]calm"
