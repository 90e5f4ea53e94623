"""The variables that each prompt template is given, and a look for others before anything is rendered."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from jinja2 import Environment, TemplateSyntaxError, nodes

from personaloom.llm.prompt_fields import feature_reads, unknown_fields

__all__ = ["PART", "VARIABLES", "FeatureRead", "features_read", "template_problems"]

PART = re.compile(r"^===\s*(system|user|assistant)\s*$", re.MULTILINE)
"""The line that a message of a template file starts with."""

VARIABLES: Mapping[str, frozenset[str]] = {
    name: frozenset(listed.split())
    for name, listed in {
        "assistant": "features history persona_prompt topic",
        "extract_semantics": "text",
        "formulate_prompt": "descriptions features",
        "generate_noise": "control features layer semantics strategies text",
        "infer_context": "domains query scenarios",
        "judge": "conversation criteria features mode noise other persona_prompt",
        "style_transfer": "domains features mode query scenarios",
        "user_feedback": "features feedback history may_end persona_prompt target_turns topic turn",
        "verify_noise": "clean contract layer noisy semantics",
    }.items()
}
"""Template name to what its caller hands over, always all of it."""


def template_problems(name: str, source: str, environment: Environment) -> Iterator[tuple[int, str, str]]:
    """What would fail when the template is rendered: line, counted from 1, problem and remedy.

    What stands behind ``is defined`` or ``default`` may be unknown. Which features personas have is not known here:
    see ``features_read``.
    """
    known = VARIABLES[name]
    for first_line, text in _messages(source):
        try:
            tree = environment.parse(text)
        except TemplateSyntaxError as error:
            yield first_line + error.lineno - 1, str(error.message), "mend the template there"
            continue
        there = known | set(environment.globals) | _guarded(tree)
        for node in _unset(tree):
            if node.name not in there:
                remedy = f"variables there are: {', '.join(sorted(known))}"
                yield first_line + node.lineno - 1, f"there is no variable {node.name!r}", remedy
        for line, problem, remedy in unknown_fields(tree):
            yield first_line + line - 1, problem, remedy


@dataclass(frozen=True, slots=True)
class FeatureRead:
    """What of a persona's features a template cannot be rendered without.

    Attributes:
        template: its name.
        place: file and line, from 1.
        dimension: the name that it reads; empty for ``features.items()`` and the like.
        guarded: whether the template asks first if there are any features.
    """

    template: str
    place: str
    dimension: str
    guarded: bool


def features_read(name: str, path: str, source: str, environment: Environment) -> Iterator[FeatureRead]:
    """The dimensions that a template of a user's own reads by name."""
    for first_line, text in _messages(source):
        for line, dimension, guarded in feature_reads(environment.parse(text)):
            yield FeatureRead(name, f"{path}:{first_line + line - 1}", dimension, guarded)


def _messages(source: str) -> Iterator[tuple[int, str]]:
    """The text of each message, and the number of its first line in the file."""
    heads = list(PART.finditer(source))
    for head, after in zip(heads, [*heads[1:], None], strict=True):
        yield source.count("\n", 0, head.end()) + 1, source[head.end() : after.start() if after else len(source)]


def _unset(tree: nodes.Template) -> Iterator[nodes.Name]:
    """Names that are read and that nothing in the template sets: loops, ``set``, macros and their arguments do."""
    names = list(tree.find_all(nodes.Name))
    own = {node.name for node in names if node.ctx != "load"} | {"loop", "caller", "varargs", "kwargs", "self"}
    own |= {macro.name for macro in tree.find_all(nodes.Macro)}
    return (node for node in names if node.ctx == "load" and node.name not in own)


def _guarded(tree: nodes.Template) -> set[str]:
    """Names that the template itself asks for: ``x is defined``, ``x | default(…)``."""
    tests = (node.node for node in tree.find_all(nodes.Test) if node.name in {"defined", "undefined"})
    filters = (node.node for node in tree.find_all(nodes.Filter) if node.name in {"default", "d"})
    return {node.name for node in (*tests, *filters) if isinstance(node, nodes.Name)}
