"""A look at a YAML file before it is loaded: references that multiply, or lead back, are refused by their line."""

from __future__ import annotations

import yaml

from personaloom.errors import ConfigError, Fault

__all__ = ["require_small"]

_MOST = 100_000
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def require_small(text: str, source: str) -> None:
    """See that no anchor makes a file endless.

    Args:
        text: YAML.
        source: its file, for messages.

    Raises:
        ConfigError: it repeats itself, or holds more than 100,000 values once its references are followed.
        yaml.YAMLError: it is no YAML.
    """
    root = yaml.compose(text, Loader=_Loader)
    if root is not None:
        _Count(source).of(root)


class _Count:
    """Counts values, each anchored one once, however often it is referred to."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.known: dict[int, int | None] = {}

    def of(self, node: yaml.Node) -> int:
        if isinstance(node, yaml.ScalarNode):
            return 1
        if id(node) in self.known:
            count = self.known[id(node)]
            if count is None:
                raise self._error(node, "holds a reference to itself")
            return count
        self.known[id(node)] = None
        items = [part for pair in node.value for part in pair] if isinstance(node, yaml.MappingNode) else node.value
        count = 1 + sum(self.of(item) for item in items)
        if count > _MOST:
            problem = f"holds {count:,} values once its references are followed, and {_MOST:,} are the most"
            raise self._error(node, problem)
        self.known[id(node)] = count
        return count

    def _error(self, node: yaml.Node, problem: str) -> ConfigError:
        where = f"{self.source}:{node.start_mark.line + 1}"
        return ConfigError([Fault(where, problem, "write out what the references (*name) stand for")])
