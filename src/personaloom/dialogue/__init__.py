"""Conversations between a persona's user model and an assistant."""

from personaloom.dialogue.interaction import AssistantPersona, Beginning, InteractionGenerator, Unit, clean_unit

__all__ = ["AssistantPersona", "Beginning", "InteractionGenerator", "Unit", "clean_unit"]
