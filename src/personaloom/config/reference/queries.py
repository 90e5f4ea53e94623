"""``query_generation`` and ``paths.query_datasets`` → ``query``."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import orjson

from personaloom.config.reference.draft import Draft
from personaloom.config.reference.files import found
from personaloom.config.reference.section import Section
from personaloom.errors import Fault
from personaloom.files import atomic_lines
from personaloom.queries.queryset import QuerySet

__all__ = ["translate_queries"]


def translate_queries(config: Section, output_dir: str, draft: Draft) -> None:
    """``query_generation`` and ``paths.query_datasets`` → ``query``."""
    own = config.section("query_generation")
    dataset = own.section("dataset")
    sets = _query_files(config.section("paths"), dataset, draft)
    limit, limit_at = own.taken("max_queries")
    if limit is None:
        limit, limit_at = dataset.taken("max_queries")
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 0):
        draft.faults.append(Fault(limit_at, f"is {limit!r}", "a number of queries, or null for all"))
        limit = None
    if len(sets) == 1 and not limit:
        draft.put("query.path", *sets[0])
    elif sets and all(Path(path).is_file() for path, _ in sets):
        draft.put(
            "query.path",
            _merged(sets, limit or None, output_dir),
            ", ".join(dict.fromkeys(where for _, where in sets)),
        )
    elif sets:
        missing = next(path for path, _ in sets if not Path(path).is_file())
        draft.put("query.path", missing, sets[0][1])
    selection, style = own.section("selection"), own.section("style_transfer")
    draft.copy("query.queries_per_persona", selection, "queries_per_persona")
    draft.copy("query.queries_per_persona", own, "queries_per_persona")
    draft.copy("query.style_transfer_probability", style, "transfer_probability", "probability")
    draft.copy("query.partial_probability", style, "partial_probability")
    if not style.truth("enabled", default=True):
        draft.put("query.style_transfer_probability", 0, style.full("enabled"))


def _query_files(paths: Section, dataset: Section, draft: Draft) -> list[tuple[str, str]]:
    """Each set once, with the key that names it."""
    listed, listed_at = paths.taken("query_datasets")
    one, one_at = dataset.taken("path")
    entries = [(one, one_at)] if one is not None else []
    entries += [(each, listed_at) for each in (listed if isinstance(listed, list) else [listed]) if each]
    files: dict[str, tuple[str, str]] = {}
    for value, where in entries:
        path = value.get("path") if isinstance(value, Mapping) else value
        file = found(path, where, draft)
        files.setdefault(str(Path(file).resolve()), (file, where))
    return list(files.values())


def _merged(sets: list[tuple[str, str]], limit: int | None, output_dir: str) -> str:
    """One file with the queries of several sets, named by its content: written once, and found again."""
    lines: dict[str, bytes] = {}
    for path, _ in sets:
        for query in QuerySet.load(path):
            record = {"query_id": query.query_id, "text": query.text, "metadata": query.metadata}
            lines.setdefault(query.text, orjson.dumps(record, default=str))
    chosen = list(lines.values())[:limit]
    content = hashlib.sha256(b"".join(line + b"\n" for line in chosen)).hexdigest()
    target = Path(output_dir) / "queries" / f"reference-{content[:12]}.jsonl"
    if not target.exists():
        atomic_lines(target, chosen)
    return str(target)
