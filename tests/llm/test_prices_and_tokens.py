import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from personaloom.errors import UsageError
from personaloom.llm.prices import FREE, Price, price_for, price_of
from personaloom.llm.tokens import estimate, worst_case
from personaloom.llm.types import ChatMessage, Deployment, Usage


def table():
    folder = Path(find_spec("litellm").submodule_search_locations[0])
    return json.loads((folder / "model_prices_and_context_window_backup.json").read_text("utf-8"))


def test_a_price_is_the_tables():
    entry = table()["gpt-4o"]
    price = price_of("openai/gpt-4o")
    assert (price.input_per_token, price.output_per_token) == (
        entry["input_cost_per_token"],
        entry["output_cost_per_token"],
    )
    assert price_of("gpt-4o") == price


def test_an_unknown_price_is_none_and_never_zero():
    assert price_of("openai/gpt-unheard-of") is None
    assert price_of("nobody/gpt-4o") is None, "another provider's model of that name has another price"
    assert price_for(Deployment("openai", "openai/gpt-4o", "http://127.0.0.1:8000/v1")) is None


def test_what_runs_here_is_free_and_an_override_is_stronger():
    assert price_for(Deployment("ollama", "ollama/x", "http://127.0.0.1:11434/v1")) is FREE
    assert price_for(Deployment("simulated", "simulated/x", simulated=True)) is FREE
    given_price = {"input_per_million": 1.0, "output_per_million": 2.0}
    assert price_for(Deployment("ollama", "ollama/x"), given_price).output_per_token == 2e-6
    assert price_for(
        Deployment("openai", "openai/gpt-4o"), {"input_per_million": None, "output_per_million": None}
    ) == price_of("gpt-4o")


def test_cached_input_costs_what_the_provider_says():
    price = Price.per_million(2.0, 10.0, 1.0)
    assert price.cost(Usage(1000, 100, cached_tokens=400)) == pytest.approx(600 * 2e-6 + 400 * 1e-6 + 100 * 1e-5)
    assert Price.per_million(2.0, 10.0).cost(Usage(1000, 0, cached_tokens=400)) == pytest.approx(2e-3)


@pytest.mark.parametrize(
    "bad",
    [
        {"input_per_million": 1.0},
        {"input": 1.0, "output": 2.0},
        {"input_per_million": -1, "output_per_million": 1},
    ],
)
def test_a_price_that_is_none_is_refused(bad):
    with pytest.raises(UsageError, match=r"llm\.price"):
        price_for(Deployment("openai", "openai/gpt-4o"), bad)


def test_prices_are_read_without_importing_litellm():
    code = "import sys; from personaloom.llm.prices import price_of; assert price_of('gpt-4o'); assert 'litellm' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@given(st.lists(st.text(max_size=200), max_size=5))
def test_the_bound_is_never_below_the_estimate(texts):
    messages = [ChatMessage("user", text) for text in texts]
    assert worst_case(messages) >= estimate(messages)


@given(st.text(max_size=300), st.text(max_size=300))
def test_a_longer_text_is_never_estimated_shorter(text, more):
    assert estimate(text + more) >= estimate(text)
    assert estimate(text) >= bool(text)


def test_the_estimate_is_near_what_a_tokenizer_counts():
    """Counts of cl100k_base, taken once; the tokenizer itself needs a download."""
    samples = {
        "Please write a short note to my landlord about the broken heating, and keep it polite but firm.": 20,
        "How do I undo the last commit in git without losing my changes?": 14,
        "def area(radius: float) -> float:\n    return 3.14159 * radius ** 2\n": 23,
        "请帮我写一封邮件给客户,说明项目延期的原因,并提出新的时间表。谢谢!": 36,
    }
    for text, count in samples.items():
        assert 0.7 * count <= estimate(text) <= 1.3 * count


def test_messages_carry_their_frames():
    assert estimate([ChatMessage("user", "Hi")]) == estimate("Hi") + 4 + 3
