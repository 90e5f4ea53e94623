"""Export formats by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from personaloom.training.files import read_json_array, read_jsonl
from personaloom.training.formats.base import TRAIN_ON, Format, FormatOptions, SplitWriter
from personaloom.training.formats.native import decode_sample, encode_sample
from personaloom.training.formats.writers import JsonArrayWriter, JsonlWriter

__all__ = ["FORMATS", "TRAIN_ON", "Format", "FormatOptions", "SplitWriter"]

_ALL = (
    Format(
        "jsonl", "the reference's samples, one a line", "{split}_samples.jsonl",
        encode_sample, decode_sample, JsonlWriter, read_jsonl, lossless=True,
    ),
    Format(
        "json", "the reference's samples, one JSON array", "{split}_samples.json",
        encode_sample, decode_sample, JsonArrayWriter, read_json_array, lossless=True,
    ),
)  # fmt: skip

FORMATS: Mapping[str, Format] = MappingProxyType({form.name: form for form in _ALL})
"""Every format, by the name that ``training_data.formats`` takes."""
