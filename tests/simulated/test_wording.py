"""Phrase banks: every rule can be said, every name in them is known."""

import pytest

from personaloom.keyed import Key
from personaloom.llm.simulated.variables import Variables
from personaloom.text.topics import read_topic
from personaloom.text.wording import Dice, Grammar, domain_bank, domain_names, domain_rules
from personaloom.text.wording.english import article, contract, expand, flip, gerund

RULES = {"names", "keywords", "steps", "cautions", "measures", "examples", "questions", "outline"}


def test_there_are_words_for_more_than_twenty_domains():
    assert len(domain_names()) > 20
    for name in domain_names():
        rules = domain_rules(name)
        assert rules.keys() == RULES, name
        assert len(rules["steps"]) >= 10, name
        assert all(": " in line for line in rules["steps"]), name


@pytest.mark.parametrize("domain", domain_names())
def test_every_phrase_of_a_domain_can_be_said(domain):
    words = domain_bank(domain, "assistant")
    topic = read_topic("How do I prune my old apple tree before winter?")
    for rule in words.names:
        for turn in range(words.size(rule)):
            dice = Dice(Key(turn, rule))
            variables = Variables(topic, words, dice)
            variables.fixed |= {"quoted": "“x”", "heads": "a; b", "left": "A", "right": "B"}
            assert words.deal(rule, [turn], dice, variables)[0].strip()


def test_a_grammar_chooses_escapes_and_capitalises():
    words = Grammar.from_text("@a\n{^b} [one|two] \\[x\\]\\n{c}\n@b\nbee\n")
    texts = {words.say("a", Dice(Key(i)), {"c": "sea"}) for i in range(20)}
    assert texts == {"Bee one [x]\nsea", "Bee two [x]\nsea"}


@pytest.mark.parametrize("source", ["stray line\n", "@a\n@b\nx\n", "@a\n[x\n", "@a\nx]\n", "@a\nx\n@a\ny\n"])
def test_a_faulty_bank_is_refused(source):
    with pytest.raises(ValueError):
        Grammar.from_text(source)


def test_little_english():
    assert [gerund(v) for v in ("write", "plan", "see", "tie", "fix", "repot")] == [
        "writing",
        "planning",
        "seeing",
        "tying",
        "fixing",
        "repotting",
    ]
    assert [article(n) for n in ("engineer", "nurse", "university lecturer", "HR manager", "a plan", "bullet points", "")] == [
        "an engineer", "a nurse", "a university lecturer", "an HR manager", "a plan", "bullet points", "",
    ]  # fmt: skip
    assert flip("my son and I") == "your son and you"
    assert expand("I'm sure it's fine, don't worry") == "I am sure it is fine, do not worry"
    assert contract("I do not know what is wrong") == "I don't know what's wrong"


def test_dice_are_fair_and_repeatable():
    counts = [0] * 7
    dice = Dice(Key("fair"))
    for _ in range(7000):
        counts[dice.below(7)] += 1
    assert all(850 < count < 1150 for count in counts)
    assert Dice(Key(1)).some(range(20), 20) == Dice(Key(1)).some(range(20), 20)
    assert sorted(Dice(Key(1)).some(range(20), 99)) == list(range(20))
