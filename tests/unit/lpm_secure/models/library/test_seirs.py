"""Immunity that wanes: when agents return, and what they draw then, against a plain simulation."""

import numpy as np
import pytest
from scipy import stats

from lpm_secure.models.library.seirs import Seirs
from tests.epidemics import Stage

ONE = (2**32,)
WAITS = {"stage": [Stage.R], "timer": [1]}


@pytest.mark.parametrize("days", [1, 2, 5])
def test_an_agent_is_immune_for_as_many_steps_as_it_drew(world_of, days):
    known = {"stage": [Stage.I] * 3, "timer": [1] * 3}
    world, seen = world_of(Seirs, 3, known=known, waning_law=(0,) * (days - 1) + ONE), []
    for _ in range(days + 2):
        world.update()
        seen.append(int(world.state["stage"][0]))
    assert seen == [Stage.R] * days + [Stage.S] * 2
    assert world.state["spell"].tolist() == [1] * 3


def test_what_is_heard_in_the_step_of_return_does_not_count(world_of):
    known = {"stage": [Stage.R, Stage.I], "timer": [1, 9]}
    world = world_of(Seirs, 2, [(0, 1, 1)], known=known, contact_rate=2**40, waning_law=ONE)
    world.update()
    assert (world.state["stage"][0], world.levels["infection"][0]) == (Stage.S, 0)
    world.update()
    assert world.state["stage"][0] == Stage.E


def test_later_thresholds_are_exponential_and_spells_do_not_repeat_each_other(world_of):
    n, drawn = 20_000, []
    world = world_of(Seirs, n, known={name: each * n for name, each in WAITS.items()}, waning_law=ONE)
    drawn.append(world.state["tau"] / 2.0**32)
    for _ in range(3):
        world.update()
        drawn.append(world.state["tau"] / 2.0**32)
        world.state |= {"stage": np.full(n, Stage.R), "timer": np.ones(n, dtype=np.int64)}
    for one, tau in enumerate(drawn):
        assert stats.kstest(tau, "expon").pvalue > 1e-6
        for other in drawn[one + 1 :]:
            assert abs(np.corrcoef(tau, other)[0, 1]) < 0.04
