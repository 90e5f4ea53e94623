"""The report's page on quality, in a real browser."""

import asyncio
import json

import pytest
from chrome_cdp import CHROMIUM, browser
from folder_maker import make_folder

from personaloom.tracking import write_report

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: the page was not opened"),
]
QUALITY = {
    "note": "Simulated text: these figures test that the measuring works.",
    "action": "filter",
    "rejected": 3,
    "flagged": 0,
    "by_check": {"ending": 2, "pattern": 1},
    "private": {"email": 1},
    "judge": {
        "note": None,
        "judged": 5,
        "skipped": 1,
        "skipped_because": ["<img src=x> wrote s1"],
        "refused": 2,
        "models": {"m": 5},
    },
    "pairs": {
        "note": None,
        "compared": 6,
        "skipped": 1,
        "skipped_because": ["<b>m</b> wrote s2"],
        "models": {"m": 6},
        "wins": {"clean": 3, "noisy": 1},
        "ties": 0,
        "disagreements": 2,
        "disagreements_by_place": {"first": 2, "second": 0, "neither": 0},
    },
    "figures": {
        "turns": {"value": 3.4, "low": 3.2, "high": 3.6},
        "near_duplicates": {"value": 0.125, "low": 0.05, "high": 0.25},
        "pairs_clean": {"value": 0.5, "low": 0.125, "high": 0.875},
        "judge_coherence": {"value": 4.5, "low": 4.0, "high": 5.0},
        "reference_turns": {"value": 0.0375},
    },
}


def opened(tmp_path, quality):
    """The text of the page, without a complaint of the browser."""
    folder = make_folder(tmp_path, 4, 2)
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | {"quality": quality}), "utf-8")
    report = write_report(folder)

    async def visit():
        async with browser() as page:
            await page.open(report.as_uri() + "#/quality")
            await page.until("document.documentElement.dataset.ready")
            text = await page.run("document.querySelector('main').innerText")
            assert await page.run("document.images.length") == 0
            await page.size(480, 900)
            assert await page.run("document.documentElement.scrollWidth") <= 480
            assert page.complaints == []
            return text

    return asyncio.run(visit())


def test_figures_stand_with_their_intervals_and_reasons_as_text(tmp_path):
    text = opened(tmp_path, QUALITY)
    for said in (
        "3 were taken out", "ending", "email 1", "test that the measuring works", "3.2 to 3.6", "0.125", "4 to 5",
        "0.0375", "5 samples judged by m, 2 below the least scores, 1 left out", "<img src=x> wrote s1",
        "6 conversations compared", "the clean one won 3, the noisy one 1", "disagreed (2 times for the first place",
        "0.125 to 0.875", "<b>m</b> wrote s2",
    ):  # fmt: skip
        assert said in text


def test_a_dataset_without_samples_says_that_nothing_was_measured(tmp_path):
    assert "Nothing was measured" in opened(tmp_path, None)
