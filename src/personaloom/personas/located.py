"""YAML with line numbers: what a mapping or list says, and where."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from personaloom.errors import BankError

if TYPE_CHECKING:
    import yaml

__all__ = ["Listing", "Mapped", "Scalar", "located", "read_located"]


class Mapped(dict[str, Any]):
    """A mapping whose keys know their lines."""

    line: int = 0
    lines: dict[str, int]


class Listing(list[Any]):
    """A list whose items know their lines."""

    line: int = 0
    lines: list[int]


class Scalar(str):
    """A plain value as written in the file (``no`` stays ``no``); ``parsed`` is what YAML makes of it."""

    __slots__ = ("line", "parsed")
    line: int
    parsed: Any


def read_located(path: Path) -> Any:
    """The content of a YAML file.

    Raises:
        BankError: the file is missing, not UTF-8, not YAML, or has a key twice.
    """
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        raise BankError(f"there is no file {path} → check the path; it is relative to {Path.cwd()}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise BankError(f"{path} cannot be read: {error} → save it as UTF-8 text") from error
    return located(text, str(path))


def located(text: str, source: str) -> Any:
    """The content of YAML text; None where it is empty."""
    import yaml  # noqa: PLC0415 - only banks need it

    loader_class = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    loader = loader_class(text)
    try:
        root = loader.get_single_node()
        return None if root is None else _convert(root, loader, source)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{source}:{mark.line + 1}" if mark else source
        raise BankError(
            f"{where}: this is not YAML: {getattr(error, 'problem', None) or error} → mend the line"
        ) from error
    except RecursionError:
        raise BankError(f"{source}: an alias contains itself → write the part out") from None
    finally:
        loader.dispose()


def _convert(node: yaml.Node, loader: Any, source: str) -> Any:
    line = node.start_mark.line + 1
    kind = type(node).__name__
    if kind == "ScalarNode":
        scalar = Scalar(node.value)
        scalar.line = line
        scalar.parsed = loader.construct_object(node)
        return scalar
    if kind == "SequenceNode":
        items = Listing(_convert(child, loader, source) for child in node.value)
        items.line = line
        items.lines = [child.start_mark.line + 1 for child in node.value]
        return items
    mapped = Mapped()
    mapped.line, mapped.lines = line, {}
    merges = any(key_node.tag == "tag:yaml.org,2002:merge" for key_node, _ in node.value)
    if merges:
        loader.flatten_mapping(node)  # what is merged comes first, and what is written here replaces it
    for key_node, value_node in node.value:
        key, at = str(key_node.value), key_node.start_mark.line + 1
        if key in mapped and not merges:
            before = mapped.lines[key]
            raise BankError(f"{source}:{at}: '{key}' is given twice, first in line {before} → keep one of them")
        mapped[key] = _convert(value_node, loader, source)
        mapped.lines[key] = at
    return mapped
