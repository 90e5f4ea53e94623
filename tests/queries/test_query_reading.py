"""Any common file of queries can be read; what is wrong in one is named by file and line."""

import csv
import json
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from personaloom.errors import InputError
from personaloom.queries import QuerySet

RELAXED = settings(
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
TEXTS = st.lists(
    st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=1, max_size=60).filter(
        str.strip
    ),
    min_size=1,
    max_size=8,
    unique_by=str.strip,
)


def write_jsonl(path: Path, texts, encoding="utf-8"):
    path.write_text("".join(json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in texts), encoding)


def write_json(path: Path, texts):
    path.write_text(json.dumps([{"text": text} for text in texts], indent=1), "utf-8")


def write_table(path: Path, texts, delimiter):
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=delimiter, quoting=csv.QUOTE_ALL)
        writer.writerows([["n", "text"], *([str(n), text] for n, text in enumerate(texts))])


def write_parquet(path: Path, texts):
    pq.write_table(pa.table({"text": list(texts), "answer": ["no"] * len(texts)}), path)


WRITERS = {
    "jsonl": write_jsonl,
    "ndjson": write_jsonl,
    "json": write_json,
    "csv": lambda path, texts: write_table(path, texts, ","),
    "tsv": lambda path, texts: write_table(path, texts, "\t"),
    "parquet": write_parquet,
}


@pytest.mark.parametrize("kind", WRITERS)
@RELAXED
@given(texts=TEXTS)
def test_random_texts_come_back_from_every_format(kind, tmp_path, texts):
    """Quotes, delimiters, line ends and any script survive; only blanks at both ends are taken off."""
    path = tmp_path / f"set.{kind}"
    WRITERS[kind](path, texts)
    assert [query.text for query in QuerySet.load(path)] == [text.strip() for text in texts]


@RELAXED
@given(texts=TEXTS)
def test_the_digest_is_of_the_contents_and_the_hash_is_of_the_file(tmp_path, texts):
    write_jsonl(tmp_path / "a.jsonl", texts)
    write_table(tmp_path / "b.csv", reversed(texts), ",")
    one, other = QuerySet.load(tmp_path / "a.jsonl"), QuerySet.load(tmp_path / "b.csv")
    assert one.digest == other.digest
    assert one.sha256 != other.sha256


def loaded(tmp_path, *rows, name="set.jsonl"):
    path = tmp_path / name
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows), "utf-8")
    return QuerySet.load(path)


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ({"text": "Why?"}, "Why?"),
        ({"query": "Why?"}, "Why?"),
        ({"Question": " Why? "}, "Why?"),
        ({"prompt": "Why?"}, "Why?"),
        ({"prompt": [{"role": "user", "content": "Why?"}]}, "Why?"),
        ({"instruction": "Why?"}, "Why?"),
        (
            {"instruction": "Translate.", "input": "Guten Tag", "output": "Good day"},
            "Translate.\n\nGuten Tag",
        ),
        ({"instruction": "Why?", "input": ""}, "Why?"),
        (
            {"messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Why?"}]},
            "Why?",
        ),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": "Why?"}]}]}, "Why?"),
        ({"conversations": [{"from": "human", "value": "Why?"}, {"from": "gpt", "value": "So."}]}, "Why?"),
        ({"text": "", "query": "Why?"}, "Why?"),
        ('"Why?"', "Why?"),
    ],
)
def test_common_field_names_are_understood(tmp_path, row, text):
    assert [query.text for query in loaded(tmp_path, row)] == [text]


def test_metadata_is_kept_and_answers_are_left_behind(tmp_path):
    row = {
        "text": "Why?",
        "metadata": {"category": "doubt"},
        "source": "me",
        "category": "no",
        "output": "long",
    }
    assert loaded(tmp_path, row).queries[0].metadata == {"source": "me", "category": "doubt"}


def test_a_table_cell_may_hold_messages_and_metadata_as_json(tmp_path):
    with (tmp_path / "set.csv").open("w", newline="", encoding="utf-8") as file:
        messages, metadata = (
            json.dumps([{"role": "user", "content": "Why?"}]),
            json.dumps({"category": "doubt"}),
        )
        csv.writer(file).writerows([["messages", "metadata"], [messages, metadata]])
    query = QuerySet.load(tmp_path / "set.csv").queries[0]
    assert (query.text, query.metadata) == ("Why?", {"category": "doubt"})


def test_a_semicolon_table_with_a_byte_order_mark_is_read_as_spreadsheets_write_it(tmp_path):
    (tmp_path / "set.csv").write_text("\ufeffquestion;category\nWhy?;doubt\n", "utf-8")
    query = QuerySet.load(tmp_path / "set.csv").queries[0]
    assert (query.text, query.metadata) == ("Why?", {"category": "doubt"})


@pytest.mark.parametrize(
    "content", [{"queries": ["Why?"], "notes": []}, {"data": [{"text": "Why?"}]}, {"text": "Why?"}]
)
def test_a_json_object_may_hold_the_list(tmp_path, content):
    assert [query.text for query in loaded(tmp_path, content, name="set.json")] == ["Why?"]


def test_blank_lines_and_a_byte_order_mark_do_no_harm(tmp_path):
    assert len(loaded(tmp_path, '\ufeff{"text": "Why?"}', "", "  ", {"text": "How?"})) == 2


def test_equal_texts_are_merged_and_counted(tmp_path):
    queries = loaded(tmp_path, {"text": "Why?"}, {"text": "How?"}, {"text": " Why? "}, {"text": "Why?", "source": "x"})
    assert (len(queries), queries.duplicates) == (2, 2)


def test_which_of_two_equal_texts_stays_does_not_depend_on_their_order(tmp_path):
    rows = [{"text": "Why?", "id": "b", "source": "x"}, {"text": "Why?", "id": "a", "source": "y"}]
    assert loaded(tmp_path, *rows).queries == loaded(tmp_path, *rows[::-1]).queries


def test_ids_of_the_file_are_kept_and_others_come_from_the_text(tmp_path):
    first, second = loaded(tmp_path, {"id": 7, "text": "Why?"}, {"text": "How?"})
    assert first.query_id == "7"
    assert second.query_id == QuerySet.of(["How?"]).queries[0].query_id


def test_the_hash_is_the_one_that_sha256sum_prints(tmp_path):
    (tmp_path / "set.jsonl").write_bytes(b'"abc"')
    assert QuerySet.load(tmp_path / "set.jsonl").sha256.startswith("6cc43f858fbb763301637b5af970e2a4")


def test_none_means_the_shipped_set():
    assert QuerySet.load(None).source == "shipped"


BAD_LINES = [
    ('{"text": "cut', "not JSON"),
    ('{"answer": "no"}', "no field with a query (fields: answer)"),
    ("{}", "no field with a query (fields: none)"),
    ("[1]", "an object with a query is expected, not a list"),
    ("null", "an object with a query is expected, not null"),
    ('{"text": 5}', "'text' is a number, not a text"),
    ('{"text": "   "}', "'text' is empty"),
    ('{"text": "a\\u0000b"}', "NUL"),
    ('{"messages": "hello"}', "'messages' is a text, not a list of messages"),
    ('{"messages": [1]}', "'messages' holds a number where a message"),
    ('{"messages": [{"role": "assistant", "content": "hi"}]}', "'messages' has no message of a user"),
    ('{"messages": [{"role": "user", "content": null}]}', "has null for content"),
    ('{"text": "a", "metadata": 3}', "'metadata' is a number, not an object"),
    ('{"text": "a", "metadata": "{"}', "'metadata' is a text that is no JSON object"),
    ('{"text": "\\ud800"}', "not JSON"),
    ('{"id": "x", "text": "another"}', "id 'x' stands for another text at"),
]


@pytest.mark.parametrize(("line", "problem"), BAD_LINES)
def test_a_bad_line_is_named_with_its_fault_an_excerpt_and_what_is_accepted(tmp_path, line, problem):
    with pytest.raises(InputError) as caught:
        loaded(tmp_path, {"id": "x", "text": "good"}, "", line)
    message = str(caught.value)
    assert "1 of 2 rows cannot be used" in message
    assert f"{tmp_path / 'set.jsonl'}:3: " in message
    assert problem in message
    assert line[:6] in message.replace("\\\\", "\\")
    assert "instruction (+ input)" in message


def test_ten_bad_lines_are_listed_and_all_are_counted(tmp_path):
    with pytest.raises(InputError) as caught:
        loaded(tmp_path, *(['{"text": "fine"}', "{"] * 25))
    message = str(caught.value)
    assert "25 of 50 rows" in message
    assert message.count("not JSON") == 10
    assert "… and 15 more" in message


def test_a_line_in_another_encoding_is_named(tmp_path):
    (tmp_path / "set.jsonl").write_bytes(b'{"text": "fine"}\n{"text": "caf\xe9"}\n')
    with pytest.raises(InputError, match=r"set\.jsonl:2: not UTF-8 \(byte 0xE9 at column 14\)"):
        QuerySet.load(tmp_path / "set.jsonl")


@pytest.mark.parametrize("name", ["set.csv", "set.tsv", "set.json"])
def test_a_whole_file_in_another_encoding_is_refused_by_line(tmp_path, name):
    (tmp_path / name).write_bytes(b"text\ncaf\xe9\n")
    with pytest.raises(InputError, match=rf"{name}:2: not UTF-8"):
        QuerySet.load(tmp_path / name)


def test_rows_of_a_table_are_named_by_the_line_they_begin_at(tmp_path):
    (tmp_path / "set.csv").write_text('text,n\n"one\nor two",1\nthree, four,2\nfive,3\n', "utf-8")
    with pytest.raises(InputError, match=r"1 of 3 rows[\s\S]*set\.csv:4: 3 cells where the header has 2"):
        QuerySet.load(tmp_path / "set.csv")


def test_a_quote_that_is_never_closed_does_not_swallow_the_file(tmp_path):
    (tmp_path / "set.csv").write_text('text\nfine\n"open\nlost\nlost too\n', "utf-8")
    with pytest.raises(InputError, match=r"set\.csv:3: not a row of a table"):
        QuerySet.load(tmp_path / "set.csv")


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("set.jsonl", b"", "the file is empty"),
        ("set.jsonl", b"\n \n", "the file is empty"),
        ("set.csv", b"text\n", "there is no query in it"),
        ("set.csv", b"a,b\n1,2\n", r"no column with a query \(columns: a(, |,)b\)"),
        ("set.json", b"[]", "there is no query in it"),
        ("set.json", b'{"a": [], "b": []}', r"an object with 2 lists \(a, b\)"),
        ("set.json", b"3", "a single int"),
        ("set.json", b'{"text": "a"}\n{"text": "b"}\n', r"set.json:2: not JSON.*name the file \.jsonl"),
        ("set.jsonl", "a".encode("utf-16"), "UTF-16"),
        ("set.jsonl", b"PK\0\0", "not a text file"),
        ("set.parquet", b"PAR1 no", "not a readable Parquet file"),
        ("set.xlsx", b"x", r"suffix '\.xlsx' does not say what it holds → use one of \.jsonl"),
        ("set", b"x", "no suffix"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_the_remedy(tmp_path, name, content, problem):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=problem):
        QuerySet.load(tmp_path / name)


def test_a_parquet_file_without_a_usable_column_names_its_columns(tmp_path):
    pq.write_table(pa.table({"answer": ["no"]}), tmp_path / "set.parquet")
    with pytest.raises(InputError, match="columns: answer"):
        QuerySet.load(tmp_path / "set.parquet")


def test_parquet_may_hold_messages_and_names_bad_rows(tmp_path):
    good = [{"role": "user", "content": "Why?"}]
    pq.write_table(pa.table({"messages": [good]}), tmp_path / "good.parquet")
    assert QuerySet.load(tmp_path / "good.parquet").queries[0].text == "Why?"
    pq.write_table(pa.table({"text": ["fine", None]}), tmp_path / "bad.parquet")
    with pytest.raises(InputError, match=r"bad\.parquet: row 2: no field"):
        QuerySet.load(tmp_path / "bad.parquet")


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        QuerySet.load(tmp_path / "none.jsonl")
    with pytest.raises(InputError, match="a folder"):
        QuerySet.load(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_refused(tmp_path):
    path = tmp_path / "set.jsonl"
    path.write_text('"a"')
    path.chmod(0)
    with pytest.raises(InputError, match="cannot be read: Permission denied"):
        QuerySet.load(path)
