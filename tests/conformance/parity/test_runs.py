"""A private run equals the clear run, bit for bit."""

import msgspec
import numpy as np
import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from tests.repetitions import repetitions

DEFAULT = settings(max_examples=repetitions(25))
FEWER = settings(max_examples=repetitions(12))  # of several threads, or three runs each
MANY = settings(max_examples=600)


def same_state(private, clear, *, but=()):
    assert private.keys() == clear.keys()
    for field in clear.keys() - set(but):
        assert private[field].dtype == clear[field].dtype, field
        assert private[field].tobytes() == clear[field].tobytes(), field


def check(testbed, run_private, run_clear):
    private, clear = run_private(testbed), run_clear(testbed)
    # In outcome mode a client knows only its own part of the hazard; stages and timers are the same.
    same_state(private.state, clear.state, but=("hazard",) if testbed.manifest.schedule.outcome else ())
    assert not any(private.missed.values())
    if testbed.manifest.engine:
        np.testing.assert_array_equal(private.series.counts, clear.series.counts)
        assert private.series.hash == clear.series.hash


@DEFAULT
@given(data=st.data())
def test_a_private_run_equals_the_clear_run_bit_for_bit(data, testbeds, run_private, run_clear):
    check(data.draw(testbeds()), run_private, run_clear)


@FEWER
@given(data=st.data())
def test_an_outcome_run_equals_the_clear_run_bit_for_bit(data, testbeds, run_private, run_clear):
    check(data.draw(testbeds(mode="outcome")), run_private, run_clear)


@FEWER
@given(data=st.data(), least=st.integers(2, 8))
def test_a_run_with_sealed_counts_equals_the_clear_run_bit_for_bit(data, least, testbeds, run_private, run_clear):
    check(data.draw(testbeds(mode="outcome", min_count=least)), run_private, run_clear)


@pytest.mark.slow
@MANY
@given(data=st.data())
def test_many_outcome_runs_equal_their_clear_runs_bit_for_bit(data, testbeds, run_private, run_clear):
    check(data.draw(testbeds(mode="outcome")), run_private, run_clear)


@pytest.mark.slow
@MANY
@given(data=st.data())
def test_many_private_runs_equal_their_clear_runs_bit_for_bit(data, testbeds, run_private, run_clear):
    check(data.draw(testbeds()), run_private, run_clear)


@FEWER
@given(data=st.data())
def test_the_number_of_aggregators_changes_nothing(data, testbeds, run_private):
    testbed = data.draw(testbeds())
    first, *others = (run_private(reshared(testbed, k)) for k in (1, 2, 5))
    for other in others:
        same_state(other.state, first.state)


def reshared(testbed, k):
    """Return the same run over k aggregators; over one, in the oracle's clear sharing."""
    party = testbed.manifest.aggregators[0]
    parties = tuple(msgspec.structs.replace(party, name=f"aggregator-{a}") for a in range(k))
    manifest = msgspec.structs.replace(testbed.manifest, aggregators=parties, sharing="additive" if k > 1 else "clear")
    return type(testbed)(manifest, testbed.contacts, testbed.cell, testbed.synthetic, testbed.source, True)


def test_the_drawn_runs_are_epidemics(testbeds, run_clear):
    """Parity of runs in which nothing happens would prove nothing. The draws are seeded, so that chance has no part."""
    spread = []

    @seed(1)
    @settings(max_examples=60, database=None)
    @given(data=st.data())
    def look(data):
        testbed = data.draw(testbeds())
        counts = run_clear(testbed).series.counts
        spread.append(int(counts[0, 0, 0] - counts[-1, 0, 0]))

    look()
    assert sum(infected > 0 for infected in spread) >= 6
