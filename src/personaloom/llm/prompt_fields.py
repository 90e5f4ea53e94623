"""What is inside the variables of prompt templates, and a look for fields that nothing has before one is rendered.

Looked at are constant names alone (``message.role``, ``semantics["slots"]``): of variables, of what a loop or ``set``
takes from them, and of what the usual filters hand on. Where a template's own doing makes the answer unsure, nothing
is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from jinja2 import nodes

__all__ = ["FEATURES", "INSIDE", "feature_reads", "unknown_fields"]

FEATURES = "features"
"""The variable whose fields are the dimensions that a persona has: each persona has others."""

_MESSAGE = {"role": "", "content": ""}
INSIDE: Mapping[str, Any] = {
    "conversation": [_MESSAGE],
    "criteria": [{"name": "", "question": "", "low": "", "high": ""}],
    "domains": [""],
    "history": [_MESSAGE],
    "noise": [{"turn": 0, "clean": "", "noisy": "", "layer": ""}],
    "other": [_MESSAGE],
    "scenarios": [""],
    "semantics": {"intents": [""], "slots": [{"name": "", "value": ""}]},
    "strategies": [{"name": "", "instruction": ""}],
    "target_turns": 0,
    "turn": 0,
} | dict.fromkeys(
    ("clean", "contract", "control", "layer", "mode", "noisy", "persona_prompt", "query", "text", "topic"), ""
)
"""Variable to an example of its value; variables that are not here can hold anything."""

_UNSURE = object()
_SAME = frozenset({"list", "reverse", "sort", "unique"})
_ONE = frozenset({"first", "last", "random"})


def unknown_fields(tree: nodes.Template) -> Iterator[tuple[int, str, str]]:
    """Fields that are read and that no value has: line, problem, remedy."""
    names = _names(tree)
    asked = _asked_for(tree)
    for node in _lookups(tree):
        field = _field(node)
        there = _shape(node.node, names)
        if field is None or there is _UNSURE or id(node) in asked:
            continue
        if isinstance(there, dict) and field not in there and not hasattr(dict, field):
            yield node.lineno, f"{_words(node.node)} has no {field!r}", f"it has {', '.join(sorted(there))}"
        elif not isinstance(there, dict) and not hasattr(type(there), field):
            what = "a list" if isinstance(there, list) else "a number" if isinstance(there, int) else "a text"
            yield node.lineno, f"{_words(node.node)} is {what} and has no {field!r}", _remedy(node.node, there)


def feature_reads(tree: nodes.Template) -> Iterator[tuple[int, str, bool]]:
    """Dimensions that a persona must have for the template to be rendered.

    Yields:
        The line, the dimension (empty where any features will do: ``features.items()``), and whether the template first
        asks if there are any.
    """
    if _names(tree).get(FEATURES) is not None:  # it is set by the template itself
        return
    asked = _asked_for(tree)
    sure = {*map(_asked_key, tree.find_all(nodes.Compare)), *map(_asked_key, tree.find_all(nodes.Call))}
    tests = [*(node.test for node in tree.find_all(nodes.If)), *(node.test for node in tree.find_all(nodes.CondExpr))]
    guarded = any(map(_asks_for_any, tests))
    for node in _lookups(tree):
        field = _field(node)
        if field is None or not _is_features(node.node) or id(node) in asked or field in sure:
            continue
        method = isinstance(node, nodes.Getattr) and hasattr(dict, field)
        yield node.lineno, "" if method else field, guarded


def _names(tree: nodes.Template) -> dict[str, Any]:
    """Name to an example of what it stands for; a name that is bound to several things is unsure."""
    names: dict[str, Any] = dict(INSIDE)
    for node in tree.find_all(nodes.Node):
        value: Any = _UNSURE
        if isinstance(node, nodes.For):
            whole, target = _shape(node.iter, names), node.target
            value = whole[0] if isinstance(whole, list) else _UNSURE
        elif isinstance(node, nodes.Assign):
            value, target = _shape(node.node, names), node.target
        elif isinstance(node, nodes.Name) and (node.ctx == "param" or (node.ctx == "store" and node.name not in names)):
            target = node
        else:
            continue
        single = isinstance(target, nodes.Name)
        for name in [target] if isinstance(target, nodes.Name) else target.find_all(nodes.Name):
            names[name.name] = value if single and names.get(name.name, value) == value else _UNSURE
    return names


def _lookups(tree: nodes.Template) -> list[nodes.Getattr | nodes.Getitem]:
    return [*tree.find_all(nodes.Getattr), *tree.find_all(nodes.Getitem)]


def _shape(node: nodes.Node, names: Mapping[str, Any]) -> Any:
    """An example of what an expression gives, or ``_UNSURE``."""
    if isinstance(node, nodes.Name):
        return names.get(node.name, _UNSURE)
    if isinstance(node, nodes.Filter) and node.node is not None:
        whole = _shape(node.node, names)
        if node.name in _ONE and isinstance(whole, list):
            return whole[0]
        return whole if node.name in _SAME and isinstance(whole, list) else _UNSURE
    if isinstance(node, nodes.Getattr | nodes.Getitem):
        whole, field = _shape(node.node, names), _field(node)
        if isinstance(whole, dict) and field is not None:
            return whole.get(field, _UNSURE)
        if isinstance(whole, list) and isinstance(node, nodes.Getitem) and field is None:
            return whole if isinstance(node.arg, nodes.Slice) else whole[0]
    return _UNSURE


def _field(node: nodes.Getattr | nodes.Getitem) -> str | None:
    """The constant name that is read, or None."""
    if isinstance(node, nodes.Getattr):
        return node.attr
    constant = node.arg.value if isinstance(node.arg, nodes.Const) else None
    return constant if isinstance(constant, str) else None


def _asked_for(tree: nodes.Template) -> set[int]:
    """Nodes that may be missing: ``x.y is defined``, ``x.y | default(…)``; equal ones elsewhere too."""
    tests = [node.node for node in tree.find_all(nodes.Test) if node.name in {"defined", "undefined"}]
    filters = [node.node for node in tree.find_all(nodes.Filter) if node.name in {"default", "d"}]
    asked = [node for node in (*tests, *filters) if isinstance(node, nodes.Getattr | nodes.Getitem)]
    return {id(node) for node in _lookups(tree) if node in asked}


def _asked_key(node: nodes.Compare | nodes.Call) -> str | None:
    """The dimension of ``"role" in features`` and of ``features.get("role")``."""
    key: nodes.Node | None
    if isinstance(node, nodes.Compare):
        key = node.expr
        found = any(_is_features(operand.expr) for operand in node.ops if operand.op in {"in", "notin"})
    else:
        got = node.node
        key = node.args[0] if node.args else None
        found = isinstance(got, nodes.Getattr) and got.attr == "get" and _is_features(got.node)
    return str(key.value) if found and isinstance(key, nodes.Const) else None


def _asks_for_any(test: nodes.Node) -> bool:
    """``if features``, ``if features is not none``, and these beside other conditions."""
    if isinstance(test, nodes.And | nodes.Or):
        return _asks_for_any(test.left) or _asks_for_any(test.right)
    asked = test.node if isinstance(test, nodes.Not) else test
    return _is_features(asked.node if isinstance(asked, nodes.Test) else asked)


def _is_features(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Name) and node.name == FEATURES


def _words(node: nodes.Node) -> str:
    """An expression as a person would name it."""
    if isinstance(node, nodes.Name):
        return node.name
    if isinstance(node, nodes.Getattr):
        return f"{_words(node.node)}.{node.attr}"
    if isinstance(node, nodes.Getitem | nodes.Filter) and node.node is not None:
        return f"an entry of {_words(node.node)}"
    return "it"


def _remedy(node: nodes.Node, there: Any) -> str:
    if isinstance(there, list) and isinstance(there[0], dict):
        fields = ", ".join(sorted(there[0]))
        return f"loop over {_words(node)}: each entry has {fields}"
    return f"write {_words(node)} alone"
