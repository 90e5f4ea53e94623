"""``comparison.html``: one self-contained page, under the same content policy as the report."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from personaloom.llm.scrub import redacted
from personaloom.records import NoiseLayer
from personaloom.tracking.report import page_body, page_head, template
from personaloom.tracking.report_data import pack

__all__ = ["write_page"]

_SCRIPTS = (
    "dom", "data", "diff", "list", "reader", "charts", "frame",
    "comparison_results", "comparison_spread", "comparison_samples", "comparison_app",
)  # fmt: skip


def write_page(
    path: Path, result: Mapping[str, Any], shown: Mapping[str, list[Any]], starts: Sequence[int], texts: IO[str]
) -> None:
    """Write the page beside and rename it.

    Args:
        path: of the page.
        result: what ``comparison.json`` holds.
        shown: columns of the conversations whose texts are in the page.
        starts: of the blocks of texts.
        texts: the blocks.
    """
    layers = [str(layer) for layer in NoiseLayer]
    index = pack({"result": redacted(dict(result)), "talks": {**shown, "starts": list(starts), "layers": layers}})
    script = '"use strict";(() => {\n' + "".join(template(f"{name}.js") for name in _SCRIPTS) + "})();"
    scratch = path.with_name(f".{path.name}.part")
    with scratch.open("w", encoding="utf-8") as page:
        page.write(page_head(f"{result['name']} · comparison", script, "report.css", "comparison.css"))
        page.write(page_body(simulated=result["simulated"], beside="comparison.json and the tables"))
        page.write(f'<script type="text/plain" id="index">{index}</script>\n<script>{script}</script>\n')
        texts.seek(0)
        shutil.copyfileobj(texts, page)
        page.write("</body>\n</html>\n")
    scratch.replace(path)
