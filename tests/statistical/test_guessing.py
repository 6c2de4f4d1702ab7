"""What an agent's own outcome tells of one neighbour: an attack by counting, against the analytic figures.

An agent has d neighbours, each infectious with probability P on its own; in a step it is infected with probability
ATTACK X / d, where X of them are infectious. Its client sees that bit, and in sum mode X itself. The attacker knows the
law, and bets on one neighbour's state by Bayes' rule. What it gains in bits over not knowing, as a share of the
neighbour's entropy H(P), is on average the mutual information: the figures of the table in `docs/security/validity.md`.
"""

import math
from collections import Counter

import numpy as np
import pytest

P = 0.13
ATTACK = 0.35
N = 400_000
SIGMAS = 4.0  # of the sampling interval; the draws are seeded
TOLERANCE = 0.1  # the design rounds its figures, and does not say with which P and which law they were found
FIGURES = {1: (1.00, 0.26), 3: (0.44, 0.030), 10: (0.15, 0.0033)}  # degree: sum mode, outcome mode


def sum_mode(x, degree):
    """Return the law of what a client sees in sum mode: the exact exposure."""
    return {x: 1.0}


def outcome_mode(x, degree):
    """Return the law of what a client sees in outcome mode: one bit."""
    chance = ATTACK * x / degree
    return {1: chance, 0: 1.0 - chance}


def joint_law(degree, mode):
    """Return the law of (neighbour's state, what is seen)."""
    law = Counter()
    for state, others in ((state, others) for state in (0, 1) for others in range(degree)):
        weight = math.comb(degree - 1, others) * P**others * (1 - P) ** (degree - 1 - others)
        for seen, chance in mode(state + others, degree).items():
            law[state, seen] += (P if state else 1 - P) * weight * chance
    return law


def gains(degree, mode):
    """Return in bits how much likelier a state is to one who saw something, by (state, seen)."""
    law = joint_law(degree, mode)
    chance = Counter()
    for (_, seen), weight in law.items():
        chance[seen] += weight
    prior = 1 - P, P
    return {key: math.log2(weight / chance[key[1]] / prior[key[0]]) for key, weight in law.items() if weight > 0}


def share(degree, mode):
    """Return the share of a neighbour's entropy that is given away on average."""
    law = joint_law(degree, mode)
    entropy = -P * math.log2(P) - (1 - P) * math.log2(1 - P)
    return sum(law[key] * gain for key, gain in gains(degree, mode).items()) / entropy


def attacked(degree, mode, draw):
    """Play many steps; return the attacker's mean gain as a share of the entropy, and its standard error."""
    states = draw.random((N, degree)) < P
    x = states.sum(axis=1)
    seen = x if mode is sum_mode else (draw.random(N) < ATTACK * x / degree).astype(np.int64)
    known = gains(degree, mode)
    gained = np.array([known[pair] for pair in zip(states[:, 0].astype(int).tolist(), seen.tolist(), strict=True)])
    entropy = -P * math.log2(P) - (1 - P) * math.log2(1 - P)
    return gained.mean() / entropy, gained.std() / math.sqrt(N) / entropy


@pytest.mark.parametrize("degree", FIGURES)
def test_the_figures_of_the_design_are_those_of_the_law(degree):
    for mode, figure in zip((sum_mode, outcome_mode), FIGURES[degree], strict=True):
        assert share(degree, mode) == pytest.approx(figure, rel=TOLERANCE)


@pytest.mark.parametrize("degree", FIGURES)
def test_a_neighbour_is_guessed_from_own_outcomes_no_better_than_the_law_says(degree, capsys):
    draw = np.random.default_rng(degree)
    found = {}
    for mode in (sum_mode, outcome_mode):
        gain, error = attacked(degree, mode, draw)
        found[mode] = gain
        assert abs(gain - share(degree, mode)) <= SIGMAS * error + 1e-12
    with capsys.disabled():
        print(
            f"\na neighbour of degree {degree}: sum mode gives {found[sum_mode]:.1%} of its entropy away, "
            f"outcome mode {found[outcome_mode]:.2%}"
        )
    assert found[outcome_mode] < 0.3 * found[sum_mode]
