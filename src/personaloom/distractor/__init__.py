"""Noise with provenance: which user messages are made noisy, how, and whether it really is what it says it is."""

from __future__ import annotations

from personaloom.distractor.draw import NoiseDraw
from personaloom.distractor.model import DistractorModel
from personaloom.distractor.tally import NoiseTally

__all__ = ["DistractorModel", "NoiseDraw", "NoiseTally"]
