"""A step of a chain, row by row in place, against the sum over all moves as it is written in `chain`."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.models.chain.chain import ChainClock, LocalChain
from protocols.models.chain.steps.delay_lines import DelayLines
from protocols.models.chain.steps.transition import Transition
from protocols.models.dual import Dual

PATTERNS = ((), ((0, False),), ((0, True),), ((0, True), (1, False)), ((0, False), (1, False)), ((1, True),))
P = 2


def chain_of(moves, states, begin=None, outputs=None):
    """Return a chain of moves: source, target, number of a pattern, weight and its derivatives."""
    source, target, pattern, weight = (list(each) for each in zip(*moves, strict=True)) if moves else ([],) * 4
    numbers = np.array(weight, dtype=float).reshape(len(moves), 1 + P).T
    begin = np.eye(1 + P, states) if begin is None else begin
    outputs = np.zeros((1 + P, 1, states)) if outputs is None else outputs
    return LocalChain(
        states=((),) * states,
        explored=states,
        ways=len(moves),
        clocks=(ChainClock("a", 4.0, np.array([1.0, 0.0, 0.0])), ChainClock("b", 2.0, np.array([0.5, 0.0, 1.0]))),
        patterns=PATTERNS,
        source=np.array(source, dtype=np.int64),
        target=np.array(target, dtype=np.int64),
        pattern=np.array(pattern, dtype=np.int64),
        weight=Dual(numbers[0], numbers[1:]),
        begin=Dual(begin[0], begin[1:]),
        messages=Dual(np.zeros((0, states)), np.zeros((P, 0, states))),
        totals=Dual(outputs[0], outputs[1:]),
    )


@st.composite
def chains(draw):
    """Draw chains with delay lines of every shape, cycles among them, and other moves between."""
    states = draw(st.integers(1, 7))
    one, some = (1.0, 0.0, 0.0), st.sampled_from([(0.5, 0.0, 0.0), (0.25, 1.0, 0.0), (1.0, 0.0, -2.0), (0.0, 1.0, 1.0)])
    half, rest = (0.25, 1.0, 0.0), (0.75, -1.0, 0.0)
    compartment = st.sampled_from([((0, one), None), ((2, one), (1, one)), ((0, half), (0, rest))])
    moves = []
    for source in range(states):
        target = draw(st.integers(0, states - 1))
        if draw(st.booleans()):
            (pattern, weight), stays = draw(compartment)
            moves.append((source, target, pattern, weight))
            if stays is not None and target != source:
                moves.append((source, source, *stays))
        else:
            own = draw(st.lists(st.tuples(st.integers(0, states - 1), st.integers(0, 5), some), max_size=5))
            moves += [(source, *move) for move in {move[:2]: move for move in own}.values()]
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    return chain_of(moves, states, rng.random((1 + P, states)), rng.integers(0, 3, (1 + P, 2, states)) / 2)


def jets(value, tangents):
    return value.astype(complex)[None] + 1e-30j * np.array(tangents)


def begin_of(chain):
    return np.concatenate([chain.begin.value[None], chain.begin.tangent])


def slowly(chain, state, growth):
    """Return states after a step, from complex numbers along each direction [p, S, n]: the sum over all moves."""
    weight = jets(chain.weight.value, chain.weight.tangent)
    crosses = []
    for clock in chain.clocks:
        of = jets(clock.weight[:1], clock.weight[1:, None]) / clock.unit
        crosses.append(1 - np.exp(-growth[clock.outcome] * of))
    after = np.zeros_like(state)
    for place, (source, target) in enumerate(zip(chain.source, chain.target, strict=True)):
        chance = weight[:, place, None]
        for clock, crossed in chain.patterns[chain.pattern[place]]:
            chance = chance * (crosses[clock] if crossed else 1 - crosses[clock])
        after[:, target] += state[:, source] * chance
    return after


def numbers(n, seed):
    return np.random.default_rng(seed).random((1 + P, n))


@given(chains(), st.integers(0, 5))
def test_a_step_is_the_sum_over_all_moves(chain, steps):
    n, transition = 3, Transition.of(chain, chain.totals)
    state = transition.begin(begin_of(chain), n)
    slow = np.repeat(jets(chain.begin.value, chain.begin.tangent)[..., None], n, axis=2)
    for step in range(steps):
        heard = {name: numbers(n, [step, place]) for place, name in enumerate("ab")}
        transition.move(state, heard, step=step)
        slow = slowly(chain, slow, {name: jets(each[0], each[1:]) for name, each in heard.items()})
    found = np.empty((2, 1 + P, n))
    transition.count(state, found, step=steps)
    totals = jets(chain.totals.value, chain.totals.tangent)
    expected = np.einsum("pqs,psn->pqn", totals, slow)
    np.testing.assert_allclose(found[:, 0], expected[0].real, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(found[:, 1:].swapaxes(0, 1), expected.imag * 1e30, rtol=1e-12, atol=1e-10)


@settings(max_examples=20)
@given(chains())
def test_an_agents_bits_do_not_depend_on_who_is_beside_it(chain):
    transition, heard = Transition.of(chain, chain.totals), {name: numbers(9, place) for place, name in enumerate("ab")}
    whole, alone = transition.begin(begin_of(chain), 9), transition.begin(begin_of(chain), 1)
    for step in range(4):
        transition.move(whole, heard, step=step)
        transition.move(alone, {name: each[:, 4:5] for name, each in heard.items()}, step=step)
    both = np.empty((2, 1 + P, 9)), np.empty((2, 1 + P, 1))
    for state, found in zip((whole, alone), both, strict=True):
        transition.count(state, found, step=4)
    assert whole[..., 4:5].tobytes() == alone.tobytes()
    assert both[0][..., 4:5].tobytes() == both[1].tobytes()


ONE = (1.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("moves", "left"),
    [
        ([(2, 1, 0, ONE), (1, 0, 0, ONE), (0, 0, 0, ONE)], [1]),  # a stay of two days, and its end for ever
        ([(0, 1, 0, ONE), (1, 2, 0, ONE), (2, 0, 0, ONE)], [2]),  # a cycle is cut somewhere
        ([(1, 0, 0, ONE), (2, 0, 0, ONE)], [0, 2]),  # two that end in one: the first goes on as its line
        (
            [(0, 1, 2, ONE), (1, 2, 0, (0.5, 0.0, 0.0)), (2, 0, 0, (1.0, 1.0, 0.0))],
            [0, 1, 2],
        ),  # not always
    ],
)
def test_states_that_always_go_to_the_next_keep_their_rows(moves, left):
    assert list(DelayLines.of_chain(chain_of(moves, 3)).left) == left
