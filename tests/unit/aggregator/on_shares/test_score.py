"""Scores that aggregators add up on shares."""

import asyncio

import numpy as np
import pytest

from aggregator.on_shares.score import HiddenScore, HiddenScores
from protocols.errors import ParameterError
from protocols.models.gradient import Gradient
from protocols.task.layout import Layout
from protocols.task.release_plan import ReleasePlan
from protocols.task.rounds import Phase


def test_a_step_that_too_few_clients_are_in_loses_the_score_for_it_could_be_that_of_one(seir, manifest_of):
    """Three clients, cohorts of two: client-0 and client-1, then client-1 and client-2; one alone is in both."""
    manifest = manifest_of(
        [[1], [2], [3]],
        model=seir(listed=False, beta=(2**39,)),
        steps=1,
        mode="outcome",
        engine=True,
        min_cohort=2,
        gradient=Gradient(way="score", parameters=("scale.infection",)),
    )

    class Zeros:
        calls = 0

        async def compute(self, program, *, kind, round_number):
            Zeros.calls += 1
            return bytes(32), np.zeros(3, dtype=np.uint64)

    async def chain(*cohorts):
        plan, layout = ReleasePlan.of(manifest), Layout.of(manifest)
        scores, content = HiddenScores(manifest.model, plan, layout, Zeros(), index=0, k=2), b""
        for step, members in enumerate(cohorts):
            number = manifest.schedule.number(step, Phase.SPEAK)
            total = np.zeros(Layout.of(manifest).d, dtype=np.uint64)
            _, content = await scores.combine(number, total, members, content)
        hidden = HiddenScore.decode(content, 3)
        return hidden.chain, int(hidden.total[0])

    everybody = ("client-0", "client-1", "client-2")
    assert asyncio.run(chain(everybody, everybody[1:])) == asyncio.run(chain(everybody, everybody[:2]))
    assert Zeros.calls == 2
    lost = {asyncio.run(chain(everybody[:2], everybody[1:])) for _ in range(2)}
    assert Zeros.calls == 2
    assert len({chain for chain, _ in lost}) == len({total for _, total in lost}) == 2


def test_a_run_that_asks_for_no_gradient_has_no_score(seir, manifest_of):
    manifest = manifest_of(model=seir(listed=False, beta=(2**39,)))
    plan, layout = ReleasePlan.of(manifest), Layout.of(manifest)
    with pytest.raises(ParameterError, match="asks for no gradient"):
        HiddenScores(manifest.model, plan, layout, None, index=0, k=2)
