"""Export formats by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from personaloom.training.files import read_json_array, read_jsonl
from personaloom.training.formats.base import TRAIN_ON, Format, FormatOptions, SplitWriter
from personaloom.training.formats.chat import (
    decode_atlas,
    decode_openai,
    decode_sharegpt,
    decode_trl,
    encode_atlas,
    encode_openai,
    encode_sharegpt,
    encode_trl,
)
from personaloom.training.formats.columns import ParquetWriter, decode_row, encode_row, read_parquet
from personaloom.training.formats.hub import dataset_card
from personaloom.training.formats.native import decode_sample, encode_sample
from personaloom.training.formats.pairs import (
    decode_preference,
    decode_rewriting,
    encode_preference,
    encode_rewriting,
)
from personaloom.training.formats.writers import JsonArrayWriter, JsonlWriter

__all__ = ["FORMATS", "TRAIN_ON", "Format", "FormatOptions", "SplitWriter"]

_TALK = ("include_full_conversation",)

_ALL = (
    Format(
        "jsonl", "the reference's samples, one a line", "{split}_samples.jsonl",
        encode_sample, decode_sample, JsonlWriter, read_jsonl, lossless=True,
    ),
    Format(
        "json", "the reference's samples, one JSON array", "{split}_samples.json",
        encode_sample, decode_sample, JsonArrayWriter, read_json_array, lossless=True,
    ),
    Format(
        "parquet", "the reference's samples in typed columns", "{split}_samples.parquet",
        encode_row, decode_row, ParquetWriter, read_parquet, lossless=True,
    ),
    Format(
        "openai", "OpenAI chat messages, as its fine-tuning takes them", "{split}_openai.jsonl",
        encode_openai, decode_openai, JsonlWriter, read_jsonl, needs=_TALK,
    ),
    Format(
        "sharegpt", "ShareGPT conversations", "{split}_sharegpt.jsonl",
        encode_sharegpt, decode_sharegpt, JsonlWriter, read_jsonl, needs=_TALK,
    ),
    Format(
        "trl_sft", "TRL conversational fine-tuning", "{split}_trl_sft.jsonl",
        encode_trl, decode_trl, JsonlWriter, read_jsonl, needs=_TALK,
    ),
    Format(
        "trl_preference", "TRL preferences, from samples that carry a pair", "{split}_trl_preference.jsonl",
        encode_preference, decode_preference, JsonlWriter, read_jsonl, needs=(*_TALK, "include_metadata"),
    ),
    Format(
        "prompt_rewriting", "noisy query to clean query, with persona and history", "{split}_prompt_rewriting.jsonl",
        encode_rewriting, decode_rewriting, JsonlWriter, read_jsonl,
        needs=(*_TALK, "include_trajectory", "include_distractor_versions"),
    ),
    Format(
        "personaatlas", "the form in which PersonaAtlas was published", "{split}_personaatlas.jsonl",
        encode_atlas, decode_atlas, JsonlWriter, read_jsonl, needs=_TALK,
    ),
    Format(
        "hf", "a Hugging Face dataset folder with a dataset card", "hf/data/{split}.parquet",
        encode_row, decode_row, ParquetWriter, read_parquet, lossless=True, companion=("hf/README.md", dataset_card),
    ),
)  # fmt: skip

FORMATS: Mapping[str, Format] = MappingProxyType({form.name: form for form in _ALL})
"""Every format, by the name that ``training_data.formats`` takes."""
