"""Who speaks: banks of features, samplers that keep their promises, and system prompts.

Start at ``PersonaBank.load`` and one of the samplers; ``PromptFormulator`` turns a sampled persona into prose.
"""

from personaloom.personas.formulate import FormulatedPrompt, PromptFormulator
from personaloom.personas.model import Dimension, PersonaBank, Rule, Value
from personaloom.personas.population import Population
from personaloom.personas.population_bank import PopulationBank
from personaloom.personas.samplers import PersonaSampler
from personaloom.personas.settings import Diversity, SamplerSettings
from personaloom.personas.strategies import RandomSampler, StratifiedSampler, WeightedSampler
from personaloom.personas.text_bank import TextPersonaBank

__all__ = [
    "Dimension",
    "Diversity",
    "FormulatedPrompt",
    "PersonaBank",
    "PersonaSampler",
    "Population",
    "PopulationBank",
    "PromptFormulator",
    "RandomSampler",
    "Rule",
    "SamplerSettings",
    "StratifiedSampler",
    "TextPersonaBank",
    "Value",
    "WeightedSampler",
]
