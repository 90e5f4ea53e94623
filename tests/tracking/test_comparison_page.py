"""The comparison in a real browser: it opens by itself, asks the network for nothing, and can be read and filtered."""

import asyncio

import pytest
from chrome_cdp import CHROMIUM, browser
from comparison_folders import make_level

from personaloom.tracking.comparison import members_of, write_comparison

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: the page was not opened"),
]
EVIL = (
    "</script><script>document.title='owned'</script><img src=http://127.0.0.1:9/x onerror=\"document.title='owned'\">"
)
LEVELS = (("none", 0), ("light", 0.5), ("heavy", 1))
READY = "document.documentElement.dataset.ready"


@pytest.fixture(scope="module")
def page_file(tmp_path_factory):
    root = tmp_path_factory.mktemp("levels")
    folders = [make_level(root, level, rate, personas=5, queries=3, evil=EVIL) for level, rate in LEVELS]
    members = members_of(folders, [[f"distractor={level}"] for level, _ in LEVELS])
    failed = [{"job": 3, "overrides": ["distractor=broken"], "message": "the reason"}]
    write_comparison(members, root / "out", sweep={"id": "s", "jobs": 4, "failed": failed})
    return root / "out" / "comparison.html"


def test_every_part_opens_without_a_request_or_a_complaint(page_file):
    """Untrusted text stays text, on all parts, wide and narrow, in light and dark; a failed job's reason is there."""

    async def visit() -> None:
        async with browser() as page:
            await page.open(page_file.as_uri())
            await page.until(READY)
            assert "SIM" in await page.run("document.querySelector('.sim').textContent")
            said = await page.run("document.querySelector('main').innerText")
            assert "3 datasets, 15 conversations" in said
            assert "the reason" in said
            assert "ok (15)" in said
            for part in ("differences", "distributions", "samples", "metrics", "overview"):
                await page.run(f"document.querySelector('[data-part={part}]').click()")
                await page.until(
                    f"location.hash.startsWith('#/{part}') && document.querySelector('main').innerText.length > 60"
                )
                await page.size(420, 900)
                await page.colours("dark")
                assert await page.run("document.documentElement.scrollWidth") <= 420, part
                await page.size(1280, 900)
                await page.colours("light")
            assert "no" in await page.run("document.body.innerText")
            assert await page.run("document.images.length") == 0
            assert (await page.run("document.title")).endswith("· comparison")
            assert page.requests == [page_file.as_uri()]
            assert page.complaints == []

    asyncio.run(visit())


def test_one_conversation_stands_in_columns_and_filters_and_keys_work(page_file):
    """All levels side by side, noisy words marked, the first difference named; list, columns and metrics are filtered."""

    async def use() -> None:
        async with browser(1600, 1000) as page:
            await page.open(page_file.as_uri() + "#/samples?noise=surface_noise")
            await page.until("document.querySelectorAll('.side > .head').length === 3")
            heads = await page.run("[...document.querySelectorAll('.side > .head')].map(n => n.textContent)")
            assert heads == ["distractor=none (baseline)", "distractor=light", "distractor=heavy"]
            await page.until("document.querySelectorAll('.side mark.l0').length > 0")
            assert await page.run("document.querySelectorAll('[data-member=\"distractor=none\"] mark').length") == 0
            assert await page.run("document.querySelectorAll('.parting').length") >= 1
            assert await page.run("document.querySelectorAll('.side .same').length") >= 1
            await page.run("document.querySelector('.pick input').click()")
            await page.until("document.querySelector('.count').textContent === '15 of 15'")
            await page.run("document.querySelector('.list').focus()")
            await page.press("Home")
            await page.press("ArrowDown")
            await page.until("document.querySelector('.reader h2')?.textContent === 'p000000-q01'")
            assert "p000000-q01" in await page.run("location.hash")
            await page.run("document.querySelector('input[name=member][value=\"distractor=light\"]').click()")
            await page.until("document.querySelectorAll('.side > .head').length === 2")
            await page.press("/")
            await page.send("Input.insertText", text="p000003")
            await page.until("document.querySelector('.count').textContent === '3 of 15'")
            await page.run("document.querySelector('[data-part=metrics]').click()")
            await page.until("document.querySelectorAll('tbody tr').length > 0")
            few = await page.run("document.querySelectorAll('tbody tr').length")
            await page.run("document.querySelector('input[type=checkbox]').click()")
            await page.until(f"document.querySelectorAll('tbody tr').length > {few}")
            assert page.complaints == []

    asyncio.run(use())
