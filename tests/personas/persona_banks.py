"""Small random banks, and a plain reading of their rules to compare with."""

from __future__ import annotations

from itertools import product

from hypothesis import strategies as st

from personaloom.personas import Dimension, PersonaBank, Rule, Value


def holds(literal, features) -> bool:
    return all(features.get(name, "") in states for name, states in literal.items())


def keeps(rule: Rule, features: dict[str, str]) -> bool:
    """The rule, as its documentation says it."""
    if not holds(rule.when, features):
        return True
    if rule.exclude and holds(rule.exclude, features):
        return False
    if any(name in features and features[name] not in states for name, states in rule.then.items()):
        return False
    return not rule.needs or any(holds(need, features) for need in rule.needs)


def all_personas(bank: PersonaBank, required=()):
    """Every persona that keeps the rules and has the required dimensions, as features."""
    choices = [
        (() if d.name in required else ("",)) + tuple(v.name for v in d.values if v.weight > 0) for d in bank.dimensions
    ]
    for states in product(*choices):
        features = {name: state for name, state in zip(bank.names, states, strict=True) if state}
        if all(keeps(rule, features) for rule in bank.rules):
            yield features


@st.composite
def literals(draw, dimensions, most=2, unset=False):
    picked = draw(st.lists(st.sampled_from(dimensions), min_size=1, max_size=most, unique_by=lambda d: d.name))
    out = {}
    for dimension in picked:
        states = [*dimension.value_names, *([""] if unset else [])]
        out[dimension.name] = frozenset(draw(st.sets(st.sampled_from(states), min_size=1, max_size=len(states))))
    return out


@st.composite
def banks(draw, max_dimensions=5, max_values=4, max_rules=5, constraints=True, weights=False):
    """Unchecked: the rules may contradict each other."""
    dimensions = []
    for number in range(draw(st.integers(2, max_dimensions))):
        values = tuple(
            Value(f"v{number}{k}", draw(st.sampled_from([1.0, 0.5, 3.0])) if weights else 1.0)
            for k in range(draw(st.integers(1, max_values)))
        )
        dimensions.append(Dimension(f"d{number}", values, is_constraint=constraints and draw(st.integers(0, 3)) == 0))
    rules = []
    for number in range(draw(st.integers(0, max_rules))):
        when = draw(literals(dimensions, unset=draw(st.booleans()))) if draw(st.integers(0, 3)) else {}
        kind = draw(st.sampled_from(["then", "exclude", "needs"]))
        body = draw(literals(dimensions, unset=kind != "then" and draw(st.booleans())))
        more = (body, draw(literals(dimensions))) if kind == "needs" and draw(st.booleans()) else (body,)
        fields = {"needs": more} if kind == "needs" else {kind: body}
        rules.append(Rule(f"r{number}", when=when, line=number + 1, **fields))
    return PersonaBank(tuple(dimensions), tuple(rules))


def distance(a: dict[str, str], b: dict[str, str]) -> int:
    """Hamming distance over the union of features, unset being a value."""
    return sum(a.get(name) != b.get(name) for name in a.keys() | b.keys())
