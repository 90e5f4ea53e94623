"""Files appear whole or not at all."""

import pytest

from personaloom.errors import StoreError
from personaloom.files import atomic_json, atomic_lines, file_facts


def test_a_full_disk_is_said_with_the_remedy_and_leaves_what_stood_there(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"as it was\n")
    (tmp_path / "a.jsonl.part").symlink_to("/dev/full")
    with pytest.raises(StoreError, match=r"a\.jsonl cannot be written: No space left on device\. Make room"):
        atomic_lines(path, [b"{}"], "Make room")
    assert [file.name for file in tmp_path.iterdir()] == ["a.jsonl"]
    assert path.read_bytes() == b"as it was\n"


def test_what_is_said_of_a_file_is_what_stands_on_the_disk(tmp_path):
    lines = atomic_lines(tmp_path / "new" / "a.jsonl", (b"%d" % number for number in range(3)))
    assert (lines, lines.records) == (file_facts(tmp_path / "new" / "a.jsonl", 3), 3)
    assert atomic_json(tmp_path / "b.json", {"ä": [1]}) == file_facts(tmp_path / "b.json", 1)
    assert (tmp_path / "b.json").read_text("utf-8") == '{\n  "ä": [\n    1\n  ]\n}\n'
