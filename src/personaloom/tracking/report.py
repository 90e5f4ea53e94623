"""``report.html``: one self-contained page to read a dataset, made from its finished folder alone.

It opens from disk without a network. The texts of conversations are untrusted: they travel deflated and in base64, are
shown as text nodes only, and the page's content policy allows its own script by hash and no request of any kind.
"""

from __future__ import annotations

import base64
import hashlib
import html
import shutil
import tempfile
from importlib.resources import files
from pathlib import Path
from typing import IO, Any

from personaloom.errors import StoreError
from personaloom.llm.scrub import redacted
from personaloom.manifest_file import read_manifest

__all__ = ["MOST_BYTES", "MOST_CONVERSATIONS", "page_body", "page_head", "template", "write_report"]

MOST_CONVERSATIONS = 50_000
MOST_BYTES = 96 << 20
_SCRIPTS = ("dom", "data", "diff", "list", "reader", "charts", "frame", "pages", "quality", "personas", "talks", "app")


def template(name: str) -> str:
    """A template file of this package."""
    return (files("personaloom.tracking") / "templates" / name).read_text(encoding="utf-8")


def page_head(title: str, script: str, *styles: str) -> str:
    """Everything up to ``<body>``: styles, and a policy under which only ``script`` runs and nothing is fetched."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    head = template("head.html").replace("{{title}}", html.escape(title)).replace("{{digest}}", digest)
    return head.replace("{{style}}", "".join(template(style) for style in styles or ("report.css",)))


def page_body(*, simulated: bool, beside: str) -> str:
    """The frame of a page; ``beside`` names the files that hold the same data, for readers without JavaScript."""
    banner = template("sim.html") if simulated else ""
    return template("body.html").replace("{{banner}}", banner).replace("{{beside}}", beside)


def write_report(folder: Path, most_conversations: int = MOST_CONVERSATIONS, most_bytes: int = MOST_BYTES) -> Path:
    """Write ``report.html`` into a finished dataset folder, beside and renamed.

    Files are read one record at a time. Beyond ``most_conversations``, or ``most_bytes`` of packed text, conversations
    are counted but their texts left out, and the page says so.

    Returns:
        The path of the page.

    Raises:
        MissingStageInputError: the folder holds no manifest.
        InputError: a file in it is damaged; the message names the line.
        StoreError: the page cannot be written.
    """
    from personaloom.tracking import report_data, report_stats  # noqa: PLC0415 - orjson only where a report is made

    folder = Path(folder)
    manifest = read_manifest(folder)
    path, scratch = folder / "report.html", folder / ".report.html.part"
    try:
        with tempfile.TemporaryFile("w+", encoding="ascii", dir=folder) as chunks:
            prompts = report_data.ChunkWriter(chunks, "p")
            personas, known = report_data.read_personas(folder, prompts)
            texts = report_data.ChunkWriter(chunks, "c")
            talks = report_data.read_conversations(folder, known, texts, most_conversations, most_bytes)
            index = {
                "manifest": redacted(manifest),
                "personas": personas | {"starts": prompts.starts},
                "distances": report_stats.distances(personas["rows"]),
                "talks": talks,
                "failures": report_data.read_failures(folder),
            }
            with scratch.open("w", encoding="utf-8") as page:
                _write_page(page, manifest, report_data.pack(index), chunks)
        scratch.replace(path)
    except OSError as error:
        raise StoreError(
            f"{path} cannot be written: {error.strerror or error}. The dataset is whole: mend this and run the same "
            "command again"
        ) from error
    finally:
        scratch.unlink(missing_ok=True)
    return path


def _write_page(page: IO[str], manifest: dict[str, Any], index: str, chunks: IO[str]) -> None:
    """Head, banner, index and script first: the page is up before the texts that follow have been parsed."""
    script = '"use strict";(() => {\n' + "".join(template(f"{name}.js") for name in _SCRIPTS) + "})();"
    page.write(page_head(f"{manifest.get('name')} · report", script))
    page.write(page_body(simulated=bool(manifest.get("simulated")), beside="manifest.json and interactions.jsonl"))
    page.write(f'<script type="text/plain" id="index">{index}</script>\n<script>{script}</script>\n')
    chunks.seek(0)
    shutil.copyfileobj(chunks, page)
    page.write("</body>\n</html>\n")
