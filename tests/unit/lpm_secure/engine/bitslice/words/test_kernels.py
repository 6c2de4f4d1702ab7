"""Generated functions draw what their generator and a probability say, and count what is there."""

import numpy as np
import pytest
from llvmlite import ir
from scipy import stats

from lpm_secure.engine.bitslice.code.draws import draw_days, draw_exponential, draw_happens, draw_uniform
from lpm_secure.engine.bitslice.code.scope import Scope
from lpm_secure.engine.bitslice.words.chances import law_chances
from lpm_secure.engine.bitslice.words.integers import Slices, constant
from lpm_secure.engine.bitslice.words.kernels import PAIRED, TALLY, Kernels
from lpm_secure.engine.bitslice.words.machine import Machine
from lpm_secure.engine.bitslice.words.vectors import integer

ELEMENTS, CALLS = 2, 400
LANES = 64 * ELEMENTS
LEVEL = 1e-4  # all seeds are fixed


def drawn(write, width, **arrays):
    """Return int64[CALLS * LANES], what code writes into so many planes, called again and again with one generator."""
    module, pointers = ir.Module(), {}
    scope = Scope(module, "test", Kernels(module, ELEMENTS), ELEMENTS, pointers)
    planes = write(scope, scope.pointer("generators"))
    for place in range(width):
        scope.code.store(planes.at(place), scope.word("out", integer(0), 0, place))
    scope.code.builder.ret_void()
    out = np.zeros((width, ELEMENTS), dtype=np.uint64)
    state = np.ones((4, ELEMENTS), dtype=np.uint64)
    state[:3] = np.random.Philox(key=7).random_raw(3 * ELEMENTS).reshape(3, -1)
    first, machine, found = state.copy(), Machine(module), []
    given = {"generators": state, "out": out, **arrays}
    for _ in range(CALLS):
        machine.call("test", (0, 0), [given[name].ctypes.data for name in pointers])
        bits = np.unpackbits(out.view(np.uint8), axis=1, bitorder="little").astype(np.int64)
        found.append((bits << np.arange(width)[:, None]).sum(axis=0))
    return np.concatenate(found), first


def test_random_words_are_those_of_sfc64_in_numpy():
    words, first = drawn(lambda scope, generator: happening(scope, constant(2**31), generator), 1)
    for element in range(ELEMENTS):
        own = np.random.SFC64(0)
        own.state = {**own.state, "state": {"state": first[:, element]}}
        expected = np.unpackbits(~own.random_raw(CALLS).view(np.uint8), bitorder="little").reshape(CALLS, 64)
        assert (words.reshape(CALLS, ELEMENTS, 64)[:, element] == expected).all()


def happening(scope, chance, generator):
    return Slices((draw_happens(scope, chance, True, generator),))


@pytest.mark.parametrize("own", [False, True])
def test_something_happens_with_its_probability(own):
    number = round(0.3 * 2**32)

    def write(scope, generator):
        planes = constant(number).extend(33)
        words = tuple(scope.code.word(plane) for plane in planes) if own else planes
        return happening(scope, Slices(words), generator)

    found, _ = drawn(write, 1)
    assert stats.binomtest(int(found.sum()), found.size, 0.3).pvalue > LEVEL


def test_days_have_their_law():
    law = np.array([[2**31, 2**30, 0, 2**30]], dtype=np.int64)

    def write(scope, generator):
        return Slices(draw_days(scope, (integer(0), 4), 3, True, generator))

    found, _ = drawn(write, 3, laws=law_chances(law))
    counts = np.bincount(found, minlength=5)
    assert counts[0] == counts[3] == 0
    assert stats.chisquare(counts[[1, 2, 4]], found.size * np.array([0.5, 0.25, 0.25])).pvalue > LEVEL


@pytest.mark.parametrize("count", [1, 8, 11])
def test_a_uniform_draw_takes_each_value_alike(count):
    interval = (5, 5 + count - 1)

    def write(scope, generator):
        return draw_uniform(scope, constant(5), constant(count), True, generator, interval=interval)

    found, _ = drawn(write, 4)
    values, counts = np.unique(found, return_counts=True)
    assert values.tolist() == list(range(5, 5 + count))
    assert count == 1 or stats.chisquare(counts).pvalue > LEVEL


def test_an_exponential_draw_has_its_law():
    bits = 20
    interval = (0, 37 << bits)

    def write(scope, generator):
        return draw_exponential(scope, bits, True, generator, interval=interval)

    found, _ = drawn(write, 26)
    assert stats.kstest(found / 2**bits, "expon").pvalue > LEVEL


def test_a_tally_counts_every_word_once():
    module, pointers, words = ir.Module(), {}, 3 * 2**PAIRED
    scope = Scope(module, "test", Kernels(module, ELEMENTS), ELEMENTS, pointers)
    code = scope.code
    with code.loop(*scope.span) as (number, _):
        word = code.load(scope.word("words", number, 1, 0))
        code.builder.call(scope.kernels.tally, [scope.pointer("tally"), number, word])
    code.builder.ret_void()
    given = {
        "words": np.random.default_rng(3).integers(0, 2**64, (words, ELEMENTS), dtype=np.uint64),
        "tally": np.zeros((TALLY, ELEMENTS), dtype=np.uint64),
    }
    Machine(module).call("test", (0, words), [given[name].ctypes.data for name in pointers])
    digits = np.unpackbits(given["tally"][PAIRED:].view(np.uint8), axis=1, bitorder="little").astype(np.int64)
    expected = np.unpackbits(given["words"].view(np.uint8), axis=1, bitorder="little").sum(axis=0, dtype=np.int64)
    assert ((digits << np.arange(len(digits))[:, None]).sum(axis=0) == expected).all()
