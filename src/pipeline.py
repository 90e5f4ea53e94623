"""The seed's import path; everything lives in ``personaloom``."""

from personaloom import PersonaGenerationPipeline

__all__ = ["PersonaGenerationPipeline"]
