"""Steps of a chain gone back through: the derivatives that steps with tangents find forth, and differences."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from protocols.models.chain.steps.reversal import Reversal
from protocols.models.chain.steps.transition import Transition
from tests.unit.protocols.models.chain.steps.test_transition import P, begin_of, chains, numbers

N = 3
WEIGHTS = numbers(N, 7)[:2]  # of the two numbers that states count for


def heard_in(steps):
    return [{name: numbers(N, [step, place]) for place, name in enumerate("ab")} for step in range(steps)]


def gone_back(chain, heard, shift):
    """Return derivatives of the weighted totals by the steps' parameters, by growth, and by states at the beginning."""
    reversal = Reversal.of(Transition.of(chain, chain.totals), shift)
    values = [{name: each[:1] for name, each in own.items()} for own in heard]
    states = [reversal.values.begin(begin_of(chain)[:1], N)]
    for step, growth in enumerate(values):
        states.append(states[-1].copy())
        reversal.values.move(states[-1], growth, step=step)
    adjoint, by_growth = np.zeros_like(states[0]), []
    by_theta = reversal.back_count(states[-1], adjoint, WEIGHTS, step=len(heard))
    for step in reversed(range(len(heard))):
        by, own = reversal.back(states[step], adjoint, values[step], step=step)
        by_theta += own
        by_growth.append(by)
    return by_theta, by_growth[::-1], adjoint


def totals(transition, begin, heard):
    """Return the weighted totals of the last step with their derivatives, float64[1 + p, n]."""
    state = transition.begin(begin, N)
    found = np.empty((2, *state.shape[1:]))
    for step, growth in enumerate(heard):
        transition.move(state, growth, step=step)
    transition.count(state, found, step=len(heard))
    return (found * WEIGHTS[:, None]).sum(axis=0)


@given(chains(), st.integers(0, 5))
def test_derivatives_back_are_those_forth(chain, steps):
    heard, transition = heard_in(steps), Transition.of(chain, chain.totals)
    by_theta, by_growth, adjoint = gone_back(chain, heard, np.zeros(P))
    for own, by in zip(heard, by_growth, strict=True):
        for name, each in by.items():
            by_theta += own[name][1:] * each
    for state, slopes in enumerate(begin_of(chain)[1:].T):
        by_theta += slopes[:, None] * adjoint[transition.lines.row(state, 0), 0]
    np.testing.assert_allclose(by_theta, totals(transition, begin_of(chain), heard)[1:], rtol=1e-9, atol=1e-9)


@given(chains(), st.integers(1, 4), st.floats(-0.2, 0.2))
def test_derivatives_back_at_other_parameters_are_differences(chain, steps, moved):
    heard, shift, width = heard_in(steps), np.array([moved, 0.1]), 1e-6
    by_theta, begin = gone_back(chain, heard, shift)[0], begin_of(chain)[:1]
    values = [{name: each[:1] for name, each in own.items()} for own in heard]
    for place, own in enumerate(np.eye(P) * width):
        ends = [Transition.of(chain, chain.totals).shift(shift + sign * own) for sign in (1, -1)]
        high, low = (totals(end, begin, values)[0] for end in ends)
        np.testing.assert_allclose(by_theta[place], (high - low) / (2 * width), rtol=1e-5, atol=1e-4)
