"""The reference's own sample: nothing is left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from personaloom.records import TrainingSample
from personaloom.training.formats.base import FormatOptions

__all__ = ["blank_sample", "decode_sample", "encode_sample"]


def encode_sample(sample: TrainingSample, options: FormatOptions) -> list[dict[str, Any]]:
    """One record: the sample's dictionary, without the fields that were switched off."""
    del options
    return [sample.to_dict()]


def blank_sample(**known: Any) -> TrainingSample:
    """A sample of which only some fields are known; texts and ids default to empty, the rest to None."""
    values: dict[str, Any] = {f.name: None for f in fields(TrainingSample)}
    values |= {"sample_id": "", "persona_id": "", "original_query": "", "initial_query": "", "num_turns": 0}
    return TrainingSample(**(values | known))


def decode_sample(record: Mapping[str, Any]) -> TrainingSample:
    """The sample of a record; fields that are not there were switched off."""
    names = {f.name for f in fields(TrainingSample)}
    return blank_sample(**{key: value for key, value in record.items() if key in names})
