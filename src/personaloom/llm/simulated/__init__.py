"""The simulated model: plausible text of every role, from a key, without a model."""

from personaloom.llm.simulated.client import SIMULATOR_VERSION, SimulatedModel

__all__ = ["SIMULATOR_VERSION", "SimulatedModel"]
