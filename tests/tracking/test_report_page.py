"""The report in a real browser: it opens by itself, asks the network for nothing, and its filters work."""

import asyncio

import pytest
from chrome_cdp import CHROMIUM, Page, browser
from folder_maker import make_folder

from personaloom.tracking import write_report

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: the page was not opened"),
]
EVIL = (
    "</script><script>document.title='owned'</script><img src=http://127.0.0.1:9/x onerror=\"document.title='owned'\">"
)
READY = "document.documentElement.dataset.ready"


def rows(kind: str = "option") -> str:
    return f"[...document.querySelectorAll('[role={kind}]')].map(n => n.textContent)"


async def counter(page: Page, expected: str) -> None:
    await page.until(f"document.querySelector('.count')?.textContent === {expected!r}")


def test_every_part_opens_without_a_request_or_a_complaint(tmp_path):
    """Untrusted text is shown as text, on all pages, wide and narrow, in light and dark."""
    report = write_report(make_folder(tmp_path, 5, 3, evil=EVIL))

    async def visit() -> None:
        async with browser() as page:
            await page.open(report.as_uri())
            await page.until(READY)
            assert "SIM" in await page.run("document.querySelector('.sim').textContent")
            assert "15 conversations of 5 personas" in await page.run("document.querySelector('.lede').textContent")
            for part in ("conversations", "personas", "noise", "usage", "failures", "config", "overview"):
                await page.run(f"document.querySelector('[data-part={part}]').click()")
                await page.until(
                    f"location.hash.startsWith('#/{part}') && document.querySelector('main').innerText.length > 200"
                )
                await page.size(480, 900)
                await page.colours("dark")
                assert await page.run("document.documentElement.scrollWidth") <= 480, part
                if part == "personas":  # a short list ends with its last row
                    await page.until("document.querySelector('.list').clientHeight === 5 * 66")
                await page.size(1280, 900)
                await page.colours("light")
            await page.run("document.querySelector('[data-part=conversations]').click()")
            await page.until("document.querySelector('.reader').textContent.includes('onerror')")
            assert await page.run("document.images.length") == 0
            assert await page.run("document.title") == "SIM-personas · report"
            assert page.requests == [report.as_uri()]
            assert page.complaints == []

    asyncio.run(visit())


def test_filters_and_keys_find_a_conversation(tmp_path):
    """Noise layer, failure, persona and full text narrow the list; arrows move; addresses hold the state."""
    folder = make_folder(tmp_path, 6, 4, failures=2)
    report = write_report(folder)

    async def use() -> None:
        async with browser() as page:
            await page.open(report.as_uri() + "#/conversations")
            await page.until(READY)
            await counter(page, "26 of 26")
            await page.run("document.querySelector('input[value=failed]').click()")
            await counter(page, "2 of 26")
            assert "no reply in 60 s" in await page.until("document.querySelector('.reader .prompt')?.textContent")
            await page.run("document.querySelector('input[value=incomplete_info]').click()")
            await page.until("document.querySelectorAll('.reader mark.l1').length > 0")
            assert "missing slots" in await page.run("document.querySelector('.prov').textContent")
            assert await page.run("document.querySelector('.reader .clean').textContent.length") > 20
            await page.run("document.querySelector('.pick input').click()")
            await counter(page, "26 of 26")
            await page.run("document.querySelector('.list').focus()")
            await page.press("Home")
            await page.press("ArrowDown")
            await page.until("location.hash.includes('p000000-q01')")
            await page.press("/")
            assert await page.run("document.activeElement.dataset.filter") == "q"
            await page.send("Input.insertText", text="NEEDLE that is nowhere")
            await counter(page, "0 of 26")
            await page.run("document.activeElement.select()")
            await page.send("Input.insertText", text="mutex")
            await page.until("/^[1-9]\\d* of 26$/.test(document.querySelector('.count').textContent)")
            assert all("mutex" in row for row in await page.run(rows()) if "failed" not in row)
            await page.until("document.querySelectorAll('.reader mark.find').length > 0")
            await page.until("location.hash.includes('q=mutex')")
            await page.run("location.hash = '#/conversations?persona=p000002'")
            await counter(page, "4 of 26")
            assert page.complaints == []

    asyncio.run(use())


def test_a_list_of_any_length_draws_only_what_is_in_sight(tmp_path):
    report = write_report(make_folder(tmp_path, 400, 5, failures=0, simulated=False))

    async def scroll() -> None:
        async with browser() as page:
            await page.open(report.as_uri() + "#/conversations/p000399-q04")
            await page.until("document.querySelector('.reader h2')?.textContent === 'p000399-q04'")
            assert await page.run("document.querySelectorAll('[role=option]').length") < 60
            assert await page.run("document.querySelector('.sim')") is None

    asyncio.run(scroll())
