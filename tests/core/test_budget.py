"""A budget is never passed, over processes and resumes."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from personaloom.errors import BudgetExhaustedError
from personaloom.llm.budget import Budget, BudgetLimits, Spend


async def use(budget, worst, actual):
    reservation = await budget.reserve(worst)
    await asyncio.sleep(0)
    budget.settle(reservation, actual)


@settings(deadline=None, max_examples=25)
@given(st.integers(50, 400), st.lists(st.tuples(st.integers(1, 60), st.integers(0, 60)), min_size=1, max_size=25))
def test_the_total_never_passes_the_limit_whatever_runs_at_once(limit, calls):
    async def work():
        budget = Budget(BudgetLimits(max_tokens=limit))
        jobs = [use(budget, Spend(0.0, worst, 1), Spend(0.0, min(worst, actual), 1)) for worst, actual in calls]
        outcomes = await asyncio.gather(*jobs, return_exceptions=True)
        return budget.spent().tokens, outcomes

    spent, outcomes = asyncio.run(work())
    assert spent <= limit
    assert all(outcome is None or isinstance(outcome, BudgetExhaustedError) for outcome in outcomes)


def test_a_call_that_fits_once_others_have_settled_waits_for_them():
    async def work():
        budget = Budget(BudgetLimits(max_tokens=100))
        await asyncio.gather(*(use(budget, Spend(0.0, 90, 1), Spend(0.0, 10, 1)) for _ in range(2)))
        return budget.spent()

    assert asyncio.run(work()) == Spend(0.0, 20, 2)


def test_spending_adds_up_over_runs_of_one_scope_and_not_over_others(tmp_path):
    async def run(scope):
        budget = Budget(BudgetLimits(max_calls=3), tmp_path / "b.sqlite", scope)
        outcomes = [await one(budget) for _ in range(4)]
        budget.close()
        refusal = str(next(outcome for outcome in outcomes if outcome is not None))
        assert "engine.budget.max_calls=3" in refusal
        assert "Raise it" in refusal
        return outcomes.count(None)

    async def one(budget):
        done = await asyncio.gather(use(budget, Spend(0.0, 1, 1), Spend(0.0, 1, 1)), return_exceptions=True)
        return done[0]

    assert [asyncio.run(run(scope)) for scope in ("a", "a", "b")] == [3, 0, 3]


def test_what_a_killed_run_had_reserved_counts_as_spent(tmp_path):
    async def killed():
        budget = Budget(BudgetLimits(max_cost_usd=1.0), tmp_path / "b.sqlite", "a")
        budget._owner = ":".join([budget._owner.split(":")[0], "999999999", "1", "x"])
        await budget.reserve(Spend(0.7, 10, 1))

    asyncio.run(killed())
    assert Budget(BudgetLimits(max_cost_usd=1.0), tmp_path / "b.sqlite", "a").spent() == Spend(0.7, 10, 1)


def test_minutes_are_a_limit_too():
    async def work():
        await Budget(BudgetLimits(max_minutes=1e-9)).reserve(Spend())

    with pytest.raises(BudgetExhaustedError, match="max_minutes"):
        asyncio.run(work())


def test_what_a_failed_run_had_reserved_counts_as_spent_though_its_process_lives(tmp_path):
    async def failed():
        budget = Budget(BudgetLimits(max_calls=1), tmp_path / "b.sqlite", "a")
        await budget.reserve(Spend(0.7, 10, 1))
        budget.close()

    asyncio.run(failed())
    assert Budget(BudgetLimits(max_calls=1), tmp_path / "b.sqlite", "a").spent() == Spend(0.7, 10, 1)
