"""``./multirun.sh num_personas=4``, as a user runs it, and what MLflow's pages and the two reports then show.

With ``PERSONALOOM_SCREENSHOTS=docs/img`` in the environment the pages are also kept as pictures.
"""

import asyncio
import contextlib
import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from chrome_cdp import CHROMIUM, browser
from mlflow_page import mlflow_page

from personaloom.tracking.links import StoreSpec, sweep_links

ROOT = Path(__file__).parents[2]
LEVELS = ("none", "light", "moderate", "heavy")
CLOSE_ASSISTANT = "document.querySelector('[data-component-id=\"mlflow.assistant.chat_panel.close\"]')?.click()"
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    """The script, called by a link from another folder, with an environment that is there already."""
    root = tmp_path_factory.mktemp("another folder")
    python = root / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    (root / "venv" / ".installed").touch()
    (root / "run-it").symlink_to(ROOT / "multirun.sh")
    # Four processes that meet a fresh store, where the joblib launcher is installed.
    many = ["hydra/launcher=joblib", "hydra.launcher.n_jobs=4"] if _has_joblib() else []
    done = subprocess.run(
        ["./run-it", "num_personas=4", *many],
        cwd=root, env=os.environ | {"VENV": "venv", "COLUMNS": "60"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return root / "outputs", done.stdout


def _has_joblib():
    try:
        import hydra_plugins.hydra_joblib_launcher  # noqa: F401 - is it there?
    except ImportError:
        return False
    return True


def rows(out, query, *values):
    with contextlib.closing(sqlite3.connect(out / "mlflow.db")) as database:
        return database.execute(query, values).fetchall()


def tags(out, name):
    query = "select r.name, t.value from runs r join tags t on t.run_uuid = r.run_uuid and t.key = ?"
    return dict(rows(out, query, name))


def test_no_run_is_lost_and_each_says_what_it_is(sweep):
    out, said = sweep
    (folder,) = (out / "sweeps").iterdir()
    names = [f"SIM-distractor={level}" for level in LEVELS]
    runs = rows(out, "select name, status from runs")
    assert sorted(runs) == sorted((name, "FINISHED") for name in [*names, f"SIM-comparison {folder.name}"])
    assert tags(out, "sweep_id") == dict.fromkeys(names, folder.name)
    assert {name: tags(out, "sweep_job")[name] for name in names} == {n: str(i) for i, n in enumerate(names)}
    assert all("num_personas=4" in value for value in tags(out, "overrides").values())
    assert tags(out, "pairing") == dict(zip(names, ["baseline", *["ok (20)"] * 3], strict=True))
    assert tags(out, "comparison_of") == {f"SIM-comparison {folder.name}": folder.name}
    assert rows(out, "select count(*) from experiments where name = 'personaloom'") == [(1,)]
    figures, _, places = said.partition("comparison of")[2].partition("\nreport ")
    assert all(len(line.rstrip()) <= 60 for line in figures.splitlines())
    whole = places.splitlines()  # however narrow the window: they are there to be copied
    assert whole[0].strip() == f"outputs/sweeps/{folder.name}/comparison/comparison.html"
    assert any("mlflow ui --backend-store-uri" in line and line.endswith("--workers 1") for line in whole)
    assert any("/#/compare-runs?runs=" in line and line.endswith("machine_learning") for line in whole)


def test_help_says_what_the_script_does_without_doing_it(tmp_path):
    done = subprocess.run([ROOT / "multirun.sh", "--help"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "seed=1,2,3" in done.stdout
    assert not list(tmp_path.iterdir())


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: the pages were not opened")
def test_every_page_shows_the_sweep_at_once(sweep):
    out, _ = sweep
    (folder,) = (out / "sweeps").iterdir()
    result = json.loads((folder / "comparison" / "comparison.json").read_text())
    store = StoreSpec.resolve(out, "personaloom")
    (experiment,) = rows(out, "select experiment_id from experiments where name = 'personaloom'")[0]
    wanted = os.environ.get("PERSONALOOM_SCREENSHOTS")
    pictures = ROOT / wanted if wanted else None
    if pictures:
        pictures.mkdir(parents=True, exist_ok=True)
    with mlflow_page(store.uri) as port:
        ids = [member["run_id"] for member in result["members"]]
        links = sweep_links(store.uri, str(experiment), ids, folder.name, port)
        asyncio.run(_look(links, pictures))
    asyncio.run(_read(folder / "comparison" / "comparison.html", Path(result["members"][3]["folder"]), pictures))


async def _look(links, pictures):
    async with browser(1600, 1100) as page:
        await page.open("about:blank")
        await _table(page, links["Runs"], pictures)
        await _charts(page, links["Charts"], pictures)
        await _samples(page, links["Samples"], pictures)
        await _compare(page, links["Compare"], pictures)


async def _go(page, link, sign):
    await page.send("Page.navigate", url=link)
    await page.until(f"document.body.innerText.includes({sign!r})", 60)
    await page.run(CLOSE_ASSISTANT)


async def _keep(page, pictures, name):
    """The page as a picture, where one is wanted."""
    if pictures:
        await asyncio.sleep(1)  # MLflow's page moves its panels about
        await page.picture(pictures / f"{name}.png")


async def _table(page, link, pictures):
    """Exactly the four runs of the sweep, each with its dataset."""
    await _go(page, link, "SIM-distractor=heavy")
    await page.until("document.body.innerText.includes('4 matching runs')")
    text = await page.run("document.body.innerText")
    assert all(f"SIM-distractor={level}" in text for level in LEVELS)
    assert "comparison" not in text
    assert text.count("SIM-personas") == len(LEVELS), text
    await _keep(page, pictures, "mlflow-runs")


async def _charts(page, link, pictures):
    """A section for each group of metrics."""
    await _go(page, link, "SIM-distractor=heavy")
    for name in ("cost", "dataset", "noise", "tokens"):
        await page.until(f"/(^|\\n){name}\\s+\\(\\d+\\)/.test(document.body.innerText)", 60)
    await _keep(page, pictures, "mlflow-charts")


async def _samples(page, link, pictures):
    """The four levels of one sample id side by side."""
    await page.size(2200, 1100)  # the table draws only the columns in sight
    await _go(page, link, "p000000-q00")
    row = "document.body.innerText.split('p000000-q00')[1].split('p000000-q01')[0]"
    await page.until(f"{row}.split('assistant:').length === {len(LEVELS) + 1}", 60)
    assert "samples.json" in await page.run("document.body.innerText")
    await _keep(page, pictures, "mlflow-samples")


async def _compare(page, link, pictures):
    """Parameters that differ, and the reports, which lie at the root of each run."""
    await page.size(1600, 1100)
    await _go(page, link, "Comparing 4 Runs")
    await page.until("document.body.innerText.includes('activation_probability')")
    text = await page.run("document.body.innerText")
    assert "Show diff only" in text
    assert await page.until("document.body.textContent.includes('report.html')", 60)
    await page.run(
        "[...document.querySelectorAll('*')].find(n => n.textContent.trim() === 'Parameters')?.scrollIntoView()"
    )
    await _keep(page, pictures, "mlflow-compare")


async def _read(comparison, dataset, pictures):
    """Both reports open without a request or a complaint, and their filters work."""
    async with browser(1400, 1000) as page:
        await page.open(comparison.as_uri() + "#/samples?noise=surface_noise")
        await page.until("document.querySelectorAll('.side > .head').length === 4")
        await page.until("document.querySelectorAll('.side mark').length > 0")
        await page.run("document.querySelector('.pick input').click()")
        await page.until("document.querySelector('.count').textContent === '20 of 20'")
        await page.run("location.hash = '#/samples/p000000-q01'")
        await page.until("document.querySelector('.reader h2')?.textContent === 'p000000-q01'")
        await _keep(page, pictures, "comparison-samples")
        await page.run("document.querySelector('[data-part=differences]').click()")
        await page.until("document.querySelectorAll('.panel').length > 5")
        await _keep(page, pictures, "comparison-differences")
        assert page.requests == [comparison.as_uri()]
        assert page.complaints == []
    async with browser(1400, 1000) as page:
        report = dataset / "report.html"
        await page.open(report.as_uri() + "#/conversations")
        await page.until("/of 20$/.test(document.querySelector('.count')?.textContent)")
        await page.run("document.querySelector('input[value=surface_noise]').click()")
        await page.until("/^1?\\d of 20$/.test(document.querySelector('.count').textContent)")
        assert page.requests == [report.as_uri()]
        assert page.complaints == []
