"""The seed's import path; everything lives in ``personaloom``."""

from personaloom import EnhancedPersonaGenerationPipeline

__all__ = ["EnhancedPersonaGenerationPipeline"]
