"""The installed package holds all that a checkout holds, and its command works from any folder."""

import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "personaloom"
NO_BACKEND = ("No matching distribution found for hatchling", "Could not find a version that satisfies", "Connection")

pytestmark = pytest.mark.slow


def run(*command, cwd, env=None):
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)


def wanted_files():
    """Every file of the checkout that is part of the package → its name in the wheel."""
    kinds = [(PACKAGE, "personaloom"), (ROOT / "conf", "personaloom/conf")]
    files = {
        f"{name}/{path.relative_to(folder).as_posix()}": path
        for folder, name in kinds
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and not path.name.startswith(".")
    }
    return files | {"personaloom/data/queries.jsonl": ROOT / "data" / "queries.jsonl"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, with the checkout's files as they were before it was built."""
    if find_spec("pip") is None:
        pytest.skip("pip is not installed here, so no wheel can be built")
    target, wanted = tmp_path_factory.mktemp("wheel"), wanted_files()
    offline = ["--no-build-isolation"] if find_spec("hatchling") else []
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        *offline,
        "--wheel-dir",
        str(target),
        str(ROOT),
    ]
    built = run(*command, cwd=target)
    if built.returncode and any(words in built.stderr for words in NO_BACKEND):
        pytest.skip("hatchling is not installed here and cannot be fetched")
    assert built.returncode == 0, built.stderr
    (path,) = target.glob("*.whl")
    return path, wanted


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """An environment of its own with the wheel in it, which finds the dependencies where this one has them.

    Path entries are read behind the environment's own packages, and ``.pth`` files in them are not, so the checkout is
    not seen.
    """
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    done = run(
        sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index",
        "--no-compile", str(wheel[0]), cwd=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", "utf-8")
    return folder


@pytest.fixture
def command(installed, tmp_path):
    """Runs the installed ``personaloom`` in an empty folder."""
    environment = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "PYTHONHOME"}}

    def call(*argv, folder=tmp_path):
        return run(str(installed / "bin" / "personaloom"), *argv, cwd=folder, env=environment)

    return call


def test_the_wheel_holds_every_file_of_the_package_as_it_is(wheel):
    path, wanted = wheel
    with zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
        still = {name: file for name, file in wanted.items() if file.is_file()}
        assert sorted(set(still) - names) == []
        data = {name: file for name, file in still.items() if file.suffix != ".py"}
        assert {file.suffix for file in data.values()} >= {".yaml", ".j2", ".jsonl", ".txt", ".js", ".css", ".html"}
        for name, file in data.items():
            edited_since = file.stat().st_mtime > path.stat().st_mtime
            assert archive.read(name) == file.read_bytes() or edited_since, name


def test_the_wheel_holds_nothing_else(wheel):
    with zipfile.ZipFile(wheel[0]) as archive:
        tops = {name.partition("/")[0] for name in archive.namelist()}
        assert tops == {"personaloom", f"{next(top for top in tops if top.endswith('.dist-info'))}"}
        assert not any("__pycache__" in name or "/tests/" in name for name in archive.namelist())
        points = next(name for name in archive.namelist() if name.endswith("entry_points.txt"))
        assert "personaloom = personaloom.cli:entry" in archive.read(points).decode()


def test_the_checkout_is_not_what_runs(installed, tmp_path):
    python = str(installed / "bin" / "python")
    done = run(python, "-c", "import personaloom; print(personaloom.__file__)", cwd=tmp_path)
    assert str(installed) in done.stdout, done.stderr


def test_help_from_an_empty_folder(command):
    done = command("--help")
    assert done.returncode == 0, done.stderr
    assert "distractor" in done.stdout
    assert "*simulated" in done.stdout


def test_a_run_from_an_empty_folder(command, tmp_path):
    done = command("num_personas=1", "query.queries_per_persona=1", "tracking=none")
    assert done.returncode == 0, done.stderr
    (manifest,) = tmp_path.glob("outputs/datasets/*/manifest.json")
    facts = json.loads(manifest.read_text("utf-8"))
    assert facts["status"] == "done"
    assert facts["counts"]["samples"] == 1
    assert facts["queries"]["source"] == "shipped"


def test_a_config_of_the_reference_from_an_empty_folder(command, tmp_path):
    config = ROOT / "tests" / "reference" / "data" / "complete" / "config.yaml"
    done = command("--config", str(config), "llm=simulated", "num_personas=1", "tracking=none")
    assert done.returncode == 0, done.stderr
    assert len(list(tmp_path.glob("output/datasets/*/training_data/train_samples.json"))) == 1
