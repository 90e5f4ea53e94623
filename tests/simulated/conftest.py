import pytest

from personaloom.llm.simulated import SimulatedModel


@pytest.fixture
def model():
    return SimulatedModel()
