"""Imports point only down."""

import ast
from pathlib import Path

import personaloom

ROOT = Path(personaloom.__file__).parent
FLOORS = [
    {"keyed", "errors", "records", "files", "loop", "paths", "plural", "progress", "text"},
    {"llm"},
    {"personas", "queries", "dialogue", "distractor", "training", "quality"},
    {
        "stages",
        "engine",
        "store",
        "store_file",
        "store_calls",
        "store_folder",
        "store_commits",
        "pipeline",
        "executors",
        "exports",
        "fingerprint",
        "dataset",
        "judgements",
        "provenance",
        "run_log",
        "manifest",
        "manifest_file",
        "results",
        "persona_export",
        "estimate",
        "rehearsal",
        "adoption",
        "parts",
        "costs",
        "work",
        "origin",
        "scoring",
        "siblings",
        "features",
        "sweep_estimate",
    },
    {"tracking", "outcome"},
    {"config", "cli", "api", "foreign", "__init__", "__main__"},
]
FLOOR_OF = {name: number for number, names in enumerate(FLOORS) for name in names}
ONLY_HERE = {"mlflow": {"tracking"}, "hydra": {"config", "cli"}, "omegaconf": {"config", "cli"}}


def imports_of(path: Path) -> set[str]:
    """Absolute names imported anywhere in a file, also inside functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module)
    return found


def modules():
    for path in sorted(ROOT.rglob("*.py")):
        yield path, path.relative_to(ROOT).parts[0].removesuffix(".py")


def test_every_module_has_a_floor():
    assert {home for _, home in modules()} <= set(FLOOR_OF)


def test_no_module_imports_from_a_floor_above_or_a_sibling():
    wrong = []
    for path, home in modules():
        for name in imports_of(path):
            if not name.startswith("personaloom.") or home == "__init__":
                continue
            target = name.split(".")[1]
            up = FLOOR_OF[target] > FLOOR_OF[home]
            sibling = FLOOR_OF[home] == 2 and FLOOR_OF[target] == 2 and target != home
            if up or sibling:
                wrong.append(f"{path.relative_to(ROOT)} imports {name}")
    assert wrong == []


def test_mlflow_and_hydra_stay_where_they_belong():
    wrong = []
    for path, home in modules():
        for name in imports_of(path):
            allowed = ONLY_HERE.get(name.split(".")[0])
            if allowed is not None and home not in allowed:
                wrong.append(f"{path.relative_to(ROOT)} imports {name}")
    assert wrong == []
