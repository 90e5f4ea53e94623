"""The report as a file: self-contained, bounded, replaced whole."""

import base64
import json
import re
import zlib

import pytest
from folder_maker import make_folder
from hypothesis import given
from hypothesis import strategies as st

from personaloom.errors import MissingStageInputError
from personaloom.tracking import write_report
from personaloom.tracking.report_data import read_failures
from personaloom.tracking.report_stats import distances

EVIL = '</script><script>alert(1)</script><img src="http://127.0.0.1:9/">'


def blocks(page: str) -> dict[str, object]:
    found = re.findall(r'<script type="text/plain" id="(\w+)">([^<]*)</script>', page)
    return {name: json.loads(zlib.decompress(base64.b64decode(packed))) for name, packed in found}


def test_every_conversation_is_in_the_page_and_none_of_its_markup(tmp_path):
    folder = make_folder(tmp_path, 6, 4, evil=EVIL)
    page = write_report(folder).read_text(encoding="utf-8")
    assert EVIL not in page
    assert page.count("<img") == 0
    assert "http://" not in page.split("<body>")[0]
    data = blocks(page)
    talks = data["index"]["talks"]
    texts = [talk for name in data if re.fullmatch(r"c\d+", name) for talk in data[name]]
    assert len(talks["ids"]) == len(texts) == talks["total"] == 24
    written = [json.loads(line) for line in (folder / "interactions.jsonl").read_text().splitlines()]
    assert [[m["content"] for m in talk["messages"]] for talk in written] == [
        [m[1] for m in talk["m"]] for talk in texts
    ]


def test_nothing_is_left_beside_the_page_and_making_it_again_gives_the_same(tmp_path):
    folder = make_folder(tmp_path)
    before = {path.name for path in folder.iterdir()}
    first = write_report(folder).read_bytes()
    assert {path.name for path in folder.iterdir()} - before == {"report.html"}
    assert write_report(folder).read_bytes() == first


def test_a_failed_report_leaves_the_old_one_whole(tmp_path):
    folder = make_folder(tmp_path)
    first = write_report(folder).read_bytes()
    with (folder / "interactions.jsonl").open("a") as stream:
        stream.write("{broken\n")
    with pytest.raises(ValueError, match=r"interactions\.jsonl:13"):
        write_report(folder)
    assert (folder / "report.html").read_bytes() == first
    assert not list(folder.glob(".report*"))


def test_beyond_its_limit_the_page_counts_what_it_leaves_out(tmp_path):
    talks = blocks(write_report(make_folder(tmp_path, 6, 4), most_conversations=5).read_text())["index"]["talks"]
    assert (len(talks["ids"]), talks["total"]) == (5, 24)
    assert sum(number for _, number in talks["turn_counts"]) == 24


def test_a_folder_of_the_first_stage_alone_has_a_report(tmp_path):
    folder = make_folder(tmp_path)
    for name in ("interactions.jsonl", "failures.jsonl", "queries.jsonl"):
        (folder / name).unlink()
    assert blocks(write_report(folder).read_text())["index"]["talks"]["total"] == 0
    with pytest.raises(MissingStageInputError):
        write_report(tmp_path)


def test_only_a_simulated_dataset_bears_the_banner(tmp_path):
    assert "Written by the simulated model" in write_report(make_folder(tmp_path)).read_text()
    real = make_folder(tmp_path, name="real", simulated=False)
    assert "Written by the simulated model" not in write_report(real).read_text()


@given(
    st.integers(1, 5).flatmap(
        lambda width: st.lists(st.lists(st.integers(-1, 2), min_size=width, max_size=width), min_size=2, max_size=150)
    )
)
def test_distances_equal_those_counted_pair_by_pair(rows):
    result = distances(rows)
    apart = [[sum(a != b for a, b in zip(x, y, strict=True)) for y in rows] for x in rows]
    pairs = [apart[i][j] for i in range(len(rows)) for j in range(i)]
    nearest = [min(d for j, d in enumerate(line) if j != i) for i, line in enumerate(apart)]
    assert all(pairs.count(d) == n for d, n in result["pairs"])
    assert sum(n for _, n in result["pairs"]) == len(pairs)
    assert all(nearest.count(d) == n for d, n in result["nearest"])
    assert result["mean"] == pytest.approx(sum(pairs) / len(pairs))


def test_failures_that_fresh_queries_made_up_for_are_told_apart(tmp_path):
    lines = [{"failure_id": "p000000-q00", "made_up": True}, {"failure_id": "p000000-q01", "made_up": False}]
    (tmp_path / "failures.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    found = read_failures(tmp_path)
    assert (found["total"], found["made_up"]) == (2, 1)
    assert [dict(zip(found["names"], row, strict=True))["made_up"] for row in found["rows"]] == [True, False]
