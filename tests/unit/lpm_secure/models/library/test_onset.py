"""What a holder knows of the beginning is taken as it is, and the rest has the model's own law."""

import numpy as np
import pytest

from protocols.errors import DataError
from protocols.models.agent_model import UNKNOWN, AgentSource

S, E, I, R = range(4)  # noqa: E741 - the field's letters
N = 4000
HALF = 2**31
SOURCE = AgentSource(np.arange(N, dtype=np.uint64), (3, 4))


@pytest.fixture
def begin(seir):
    """Return a function that makes the first state of agents with known columns; other keys are the model's."""

    def _begin(stage=None, since=None, **model):
        given = {"stage": stage, "since": since}
        columns = {
            name: np.broadcast_to(value, N).astype(np.int64) for name, value in given.items() if value is not None
        }
        return seir(initial=2**30, **model).agents.initial_state(SOURCE, columns)

    return _begin


def test_what_nobody_knows_is_drawn_with_the_same_bits(begin):
    drawn, none = begin(), begin(stage=UNKNOWN, since=UNKNOWN)
    for name, values in drawn.items():
        np.testing.assert_array_equal(values, none[name])


def test_known_stages_are_as_given_and_those_of_others_as_drawn(begin):
    stage = np.where(np.arange(N) % 2, np.arange(N) % 4, UNKNOWN)
    state, drawn = begin(stage=stage), begin()
    known = stage != UNKNOWN
    np.testing.assert_array_equal(state["stage"][known], stage[known])
    np.testing.assert_array_equal(state["stage"][~known], drawn["stage"][~known])
    np.testing.assert_array_equal(state["timer"][~known], drawn["timer"][~known])
    for name in drawn.keys() - {"stage", "timer", "since"}:
        np.testing.assert_array_equal(state[name], drawn[name])
    assert (state["timer"][stage == E] == drawn["latent"][stage == E]).all()
    assert (state["timer"][stage == I] == drawn["infectious"][stage == I]).all()
    assert (state["timer"][(stage == S) | (stage == R)] == 0).all()


@pytest.mark.parametrize(("stage", "name"), [(E, "latent"), (I, "infectious"), (R, "waning")])
def test_a_stay_of_which_a_part_has_passed_has_the_law_of_those_that_last_longer(begin, stage, name):
    law = (2**30, 2**30, 0, HALF // 2, HALF // 2)  # 1, 2, 4 or 5 days
    state = begin(stage=int(stage), since=2, **{name: law})
    left = np.bincount(state["timer"], minlength=6)
    assert left[[2, 3]].sum() == N
    assert abs(left[2] / N - 0.5) < 0.05  # of four days two are left as often as three of five
    assert (begin(stage=int(stage), since=4, **{name: law})["timer"] == 1).all()


def test_immunity_that_lasts_has_no_stay(begin):
    assert (begin(stage=R, since=900)["timer"] == 0).all()


@pytest.mark.parametrize(
    ("stage", "since", "said"),
    [
        (UNKNOWN, 2, "agent 1: since is given and stage is not"),
        (I, 2, "agent 1: stage I lasts less long by its law than since says"),
        (4, UNKNOWN, r"stage in row 1 is outside of \[0, 3\]"),
        (I, -1, r"since in row 1 is outside of \[0, 32767\]"),
    ],
)
def test_what_cannot_be_is_one_line_and_names_no_private_value(begin, stage, since, said):
    with pytest.raises(DataError, match=said) as caught:
        begin(stage=stage, since=since)
    assert caught.value.row == 1
    assert "\n" not in str(caught.value)


def test_a_column_of_fractions_or_of_another_length_is_refused(seir):
    model = seir().agents
    for column in (np.zeros(N), np.zeros(3, dtype=np.int64)):
        with pytest.raises(DataError, match="stage has shape"):
            model.initial_state(SOURCE, {"stage": column})
