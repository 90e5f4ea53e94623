"""Large results are read when asked for, and look like lists."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from personaloom import results
from personaloom.results import JsonlSequence, load_groups, load_records, select

rows = st.lists(st.fixed_dictionaries({"k": st.sampled_from("ab"), "t": st.text(max_size=20)}), max_size=12)


def written(folder, records):
    path = folder / "r.jsonl"
    path.write_bytes(b"".join(orjson.dumps(record) + b"\n" for record in records))
    return path


@given(rows)
def test_a_lazy_sequence_is_the_list(tmp_path_factory, records):
    lazy = JsonlSequence(written(tmp_path_factory.mktemp("r"), records), lambda record: record)
    assert len(lazy) == len(records)
    assert list(lazy) == records
    assert [lazy[i] for i in range(-len(records), len(records))] == records * 2
    assert lazy[1:3] == records[1:3]
    assert list(select(lazy, lambda r: r["k"] == "a")) == [r for r in records if r["k"] == "a"]


def test_a_lazy_sequence_stays_what_it_was_when_its_file_is_written_anew_or_cleared(tmp_path):
    lazy = JsonlSequence(written(tmp_path, [{"a": 1}, {"a": 2}]), dict)
    (tmp_path / "new").write_bytes(b"")
    (tmp_path / "new").replace(lazy.path)
    assert list(lazy) == [lazy[0], lazy[1]] == [{"a": 1}, {"a": 2}]
    lazy.path.unlink()
    assert list(lazy) == [{"a": 1}, {"a": 2}]


def test_an_index_beyond_the_end_is_an_index_error(tmp_path):
    lazy = JsonlSequence(written(tmp_path, [{"a": 1}]), dict)
    for index in (1, -2):
        with pytest.raises(IndexError, match="1 records"):
            lazy[index]


def test_small_results_are_lists_and_large_ones_are_not(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "LAZY_ABOVE", 3)
    path = written(tmp_path, [{"k": "a"}, {"k": "a"}, {"k": "b"}, {"k": "b"}])
    assert isinstance(load_records(path, 3, dict), list)
    assert isinstance(load_records(path, 4, dict), JsonlSequence)
    assert {name: len(group) for name, group in load_groups(path, 4, "k").items()} == {"a": 2, "b": 2}


@pytest.mark.parametrize("most", [3, 9])
def test_groups_without_a_record_are_empty_and_in_their_place(tmp_path, monkeypatch, most):
    monkeypatch.setattr(results, "LAZY_ABOVE", most)
    path = written(tmp_path, [{"k": "b", "t": 1}, {"k": "b", "t": 2}, {"k": "d", "t": 3}, {"k": "e", "t": 4}])
    groups = load_groups(path, 4, "k", "abcd")
    assert list(groups) == ["a", "b", "c", "d", "e"]
    assert dict(groups) == {"a": [], "b": [{"t": 1}, {"t": 2}], "c": [], "d": [{"t": 3}], "e": [{"t": 4}]}
