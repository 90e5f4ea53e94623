"""Prompts are files: Jinja2 templates, sandboxed, with a version, overridable one by one.

A template file ``<name>.j2`` starts with a version comment and has one part per message::

    {# version: 1 #}
    === system
    You are …
    === user
    {{ query }}

What does not change from call to call comes first, so that providers' prompt caches hit. A folder beside the templates
is a set of its own (``small``: short instructions and worked examples for small models), chosen by its name.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from importlib import resources
from importlib.resources.abc import Traversable
from itertools import islice
from pathlib import Path
from types import BuiltinMethodType
from typing import TYPE_CHECKING, Any

from jinja2 import StrictUndefined, Template, TemplateError, meta
from jinja2.exceptions import SecurityError
from jinja2.runtime import LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment

from personaloom.errors import ConfigError, Fault
from personaloom.llm.examples import Examples
from personaloom.llm.prompt_variables import PART, FeatureRead, features_read, template_problems
from personaloom.llm.types import ChatMessage
from personaloom.records import PromptUse

if TYPE_CHECKING:
    from jinja2.runtime import Context

__all__ = ["PromptLibrary", "PromptTemplate", "shipped_prompts", "shipped_sets"]

_VERSION = re.compile(r"\{#-?\s*version:\s*(\S+)\s*-?#\}")
_ABSENT = Ellipsis
_SCALARS = frozenset({str, int, float, bool, type(None), type(Ellipsis)})
_MOST_CHARACTERS = 100_000_000
"""A template that writes more than this never ends, or might as well not."""
_MOST_PIECES = 2_000_000
_AT_A_TIME = 32
_READS_ITEMS = frozenset({"get", "items", "keys", "values"})
"""Methods of a dictionary that change nothing."""
_READS_LOOP = frozenset({"index", "index0", "first", "last", "length"})
"""What a loop says of itself."""
_SCOPES = frozenset({"_loop_vars", "_block_vars"})
"""What Jinja adds to a call inside a loop or block, for functions that ask for their context."""
_MOST_BITS = 100_000
_FAILURES = (TemplateError, ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What the code in a template can raise."""


def shipped_prompts() -> list[str]:
    """Names of the templates in the package, sorted."""
    return sorted(_templates_in(_shipped_folder()))


def shipped_sets() -> list[str]:
    """Names of the sets in the package that ``prompts.folder`` takes, sorted."""
    return sorted(entry.name for entry in _shipped_folder().iterdir() if entry.is_dir() and _templates_in(entry))


class _Environment(ImmutableSandboxedEnvironment):
    """The sandbox, with a short way to the items of plain dictionaries and to ``loop``: most of what templates read."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        """``obj.attribute``; never shorter than the sandbox's own checks where those have something to check."""
        if type(obj) is dict:
            if attribute in _READS_ITEMS:
                return getattr(obj, attribute)
            if attribute in obj and not hasattr(dict, attribute):
                return obj[attribute]
        elif type(obj) is LoopContext and attribute in _READS_LOOP:
            return getattr(obj, attribute)
        return super().getattr(obj, attribute)

    def call(self, context: Context, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """``function(…)``; those methods of plain dictionaries need no further look."""
        if type(function) is BuiltinMethodType and type(function.__self__) is dict and kwargs.keys() <= _SCOPES:
            return function(*args)
        return super().call(context, function, *args, **kwargs)

    intercepted_binops = frozenset({"*", "**"})

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """``*`` and ``**``, unless the result is too large to be meant; they are not worked out while compiling."""
        if operator == "*" and _times(left, right) > _MOST_CHARACTERS:
            raise SecurityError("'*' makes a text or list that is too long")
        whole = isinstance(left, int) and isinstance(right, int)
        if operator == "**" and whole and left.bit_length() * right > _MOST_BITS:
            raise SecurityError("'**' makes a number that is too large")
        return super().call_binop(context, operator, left, right)


def _times(left: Any, right: Any) -> int:
    """The length of ``left * right`` where one of them is a text or a list, else 0."""
    for one, other in ((left, right), (right, left)):
        if isinstance(one, str | list | tuple) and isinstance(other, int):
            return len(one) * other
    return 0


class _Part:
    """One message of a template. Equal variables give equal text, so the last few texts are kept."""

    KEPT = 256

    def __init__(self, role: str, source: str) -> None:
        self.role = role
        self._template, self._names = _compiled(source)
        self._kept: dict[tuple[Any, ...], ChatMessage] = {}

    def message(self, variables: Mapping[str, Any]) -> ChatMessage:
        """The message, rendered or remembered."""
        key = self._key(variables)
        known = self._kept.get(key) if key is not None else None
        if known is None:
            known = ChatMessage(self.role, self._text(variables).strip())
            if key is not None:
                if len(self._kept) >= self.KEPT:
                    self._kept.pop(next(iter(self._kept)))
                self._kept[key] = known
        return known

    def _text(self, variables: Mapping[str, Any]) -> str:
        pieces: list[str] = []
        size = 0
        template = self._template
        stream = template.root_render_func(template.new_context(dict(variables)))
        while some := list(islice(stream, _AT_A_TIME)):
            size += sum(map(len, some))
            if size > _MOST_CHARACTERS or len(pieces) > _MOST_PIECES:
                raise SecurityError(f"it writes more than {size:,} characters and goes on: does a loop end?")
            pieces += some
        return "".join(pieces)

    def _key(self, variables: Mapping[str, Any]) -> tuple[Any, ...] | None:
        """The variables that this part names, where they are scalars or lists of text; else None."""
        key: list[Any] = []
        for name in self._names:
            value = variables.get(name, _ABSENT)
            kind = type(value)
            if kind is list or kind is tuple:
                if not all(type(item) is str for item in value):
                    return None
                value = tuple(value)
            elif kind not in _SCALARS:
                return None
            key += (kind, value)  # 1 and True are equal, and are not the same text
        return tuple(key)


@cache
def _environment() -> _Environment:
    return _Environment(
        undefined=StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
    )  # autoescape is for HTML; these are prompts


@lru_cache(maxsize=256)
def _compiled(source: str) -> tuple[Template, tuple[str, ...]]:
    """A template and the variables that it names; the runs of a sweep share them."""
    environment = _environment()
    template = environment.from_string(source)
    # Jinja copies these for each rendering, and is slow at copying the ChainMap that it makes itself.
    template.globals = dict(template.globals)
    return template, tuple(sorted(meta.find_undeclared_variables(environment.parse(source))))


@dataclass(frozen=True)
class PromptTemplate:
    """One compiled template: a list of (role, part)."""

    use: PromptUse
    source: str
    parts: tuple[_Part, ...]
    origin: str

    @cached_property
    def examples(self) -> Examples:
        """Its worked examples."""
        return Examples.of(self.source, [part.role for part in self.parts])

    def render(self, variables: Mapping[str, Any]) -> tuple[ChatMessage, ...]:
        """The messages.

        Raises:
            ConfigError: the template names a variable that does not exist, or fails.
        """
        try:
            return tuple(part.message(variables) for part in self.parts)
        except _FAILURES as error:
            known = ", ".join(sorted(variables))
            problem = str(error) or type(error).__name__
            fault = Fault(f"prompt {self.use.name} ({self.origin})", problem, f"variables there are: {known}")
            raise ConfigError([fault], "a prompt template cannot be rendered") from error


class PromptLibrary:
    """The templates of a run: the shipped ones, with some replaced.

    Args:
        folder: a folder whose ``<name>.j2`` files replace the shipped templates of the same name, or the name of a
            shipped set; a folder of your own that has such a name is ``./<name>``.
        overrides: template name to file, for single ones; stronger than ``folder``.

    Raises:
        ConfigError: an override names a template that does not exist, or a file that cannot be read or compiled.
    """

    def __init__(self, folder: str | Path | None = None, overrides: Mapping[str, str | Path] | None = None) -> None:
        environment = _environment()
        shipped = shipped_prompts()
        files: dict[str, Traversable] = {}
        faults: list[Fault] = []
        if folder is not None:
            own = _shipped_folder() / str(folder) if str(folder) in shipped_sets() else Path(folder)
            found = _templates_in(own)
            if not found:
                faults.append(Fault("prompts.folder", f"no *.j2 file in {folder}", "name a folder with templates"))
            files |= found
        files |= {name: Path(path) for name, path in (overrides or {}).items()}
        faults.extend(
            Fault(f"prompts.{name}", "there is no such prompt", f"choose from {', '.join(shipped)}")
            for name in sorted(set(files) - set(shipped))
        )
        self._templates: dict[str, PromptTemplate] = {}
        self.features_read: list[FeatureRead] = []
        """Dimensions that the templates of a user's own read by name; whether personas have them is not known here."""
        for name in shipped:
            path = files.get(name)
            try:
                source = _read(path) if path else _shipped(name)
                problems = list(template_problems(name, source, environment)) if path else []
                faults.extend(Fault(f"prompts.{name}", f"{path}:{line}: {what}", cure) for line, what, cure in problems)
                if not problems:
                    self._templates[name] = self._compile(name, source, str(path) if path else "shipped")
                    self.features_read += features_read(name, str(path), source, environment) if path else ()
            except (OSError, UnicodeDecodeError, TemplateError, ValueError) as error:
                faults.append(Fault(f"prompts.{name}", f"{path or 'shipped'}: {error}", "mend the file"))
        if faults:
            raise ConfigError(faults, "the prompts cannot be used")

    def _compile(self, name: str, source: str, origin: str) -> PromptTemplate:
        version = _VERSION.search(source)
        pieces = PART.split(source)
        if len(pieces) < 3:
            raise ValueError("no '=== system' or '=== user' line: each message starts with one")
        parts = tuple(_Part(role, text.strip("\n")) for role, text in zip(pieces[1::2], pieces[2::2], strict=True))
        digest = hashlib.sha256(source.encode()).hexdigest()
        return PromptTemplate(PromptUse(name, version.group(1) if version else "0", digest), source, parts, origin)

    def render(self, name: str, variables: Mapping[str, Any]) -> tuple[tuple[ChatMessage, ...], PromptUse]:
        """The messages of a template, and which template it was."""
        template = self._templates[name]
        return template.render(variables), template.use

    def use(self, name: str) -> PromptUse:
        """Name, version and hash of a template."""
        return self._templates[name].use

    def repeated(self, name: str, reply: str, asked: Sequence[ChatMessage]) -> str:
        """What a reply to these messages takes from the template's examples, or an empty text."""
        template = self._templates.get(name)
        return template.examples.repeated(reply, asked) if template is not None else ""

    @cached_property
    def uses(self) -> dict[str, PromptUse]:
        """Of all templates, by name."""
        return {name: template.use for name, template in self._templates.items()}


def _read(path: Traversable) -> str:
    if isinstance(path, Path) and path.exists() and not path.is_file():  # to open a pipe would wait for a writer
        raise ValueError("it is no file")
    return path.read_text("utf-8")


def _shipped_folder() -> Traversable:
    return resources.files("personaloom").joinpath("prompts")


def _shipped(name: str) -> str:
    return (_shipped_folder() / f"{name}.j2").read_text("utf-8")


def _templates_in(folder: Traversable) -> dict[str, Traversable]:
    """Its ``*.j2`` files by the name of the template; none where it is no folder."""
    entries = folder.iterdir() if folder.is_dir() else ()
    return {entry.name.removesuffix(".j2"): entry for entry in entries if entry.name.endswith(".j2")}
