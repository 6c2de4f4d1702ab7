"""A masked run of every model that the backend takes equals the clear run, bit for bit."""

import asyncio
import dataclasses

import msgspec
import numpy as np
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from lpm_secure.testbed.masked_parties import start_parties
from lpm_secure.testbed.masked_run import MaskedRun
from protocols.errors import WouldWrap
from tests.conformance.parity.conftest import ALL
from tests.conformance.parity.test_waning import changed
from tests.masked_runs import play_testbed

FEW = ("library-seir", "library-seirs", "library-strains", "opinion")
TAKEN = [name if name in FEW else pytest.param(name, marks=pytest.mark.slow) for name in sorted(ALL)]


def by_a_tree(testbed):
    """Return the same run, whose aggregators compare by a tree."""
    manifest = msgspec.structs.replace(testbed.manifest, comparison="tree")
    return dataclasses.replace(testbed, manifest=manifest)


def check(testbed, run_clear, but=()):
    try:
        run = MaskedRun.draw(testbed.manifest)
    except WouldWrap:  # refused: private weights times drawn contacts may be beyond the ring
        if all(outcome.weight is None for outcome in testbed.manifest.model.agents.outcomes):
            raise
        reject()

    async def play():
        with start_parties(run) as parties:
            return await play_testbed(testbed, parties)

    series, clients = asyncio.run(play())
    clear = run_clear(testbed)
    for field, values in clear.state.items():
        private = np.concatenate([client.private.state[field] for client in clients])
        if field not in but:
            np.testing.assert_array_equal(private, values, err_msg=field)
    assert not any(client.missed for client in clients)
    if testbed.manifest.engine:
        np.testing.assert_array_equal(series.counts, clear.series.counts)
        assert series.hash == clear.series.hash


@pytest.mark.parametrize("name", TAKEN)
@settings(max_examples=3)
@given(data=st.data())
def test_a_masked_run_equals_the_clear_run_bit_for_bit(name, data, graph_testbeds, run_clear):
    check(data.draw(graph_testbeds(name, mode="outcome", k=2)), run_clear)


@pytest.mark.parametrize(
    "name",
    [name if name == "opinion" else pytest.param(name, marks=pytest.mark.slow) for name in sorted(ALL)],
)
@settings(max_examples=2)
@given(data=st.data())
def test_a_masked_run_by_a_tree_equals_the_clear_run_bit_for_bit(name, data, graph_testbeds, run_clear):
    check(by_a_tree(data.draw(graph_testbeds(name, mode="outcome", k=2))), run_clear)


@pytest.mark.parametrize(
    "name", [each if each in FEW[:2] else pytest.param(each, marks=pytest.mark.slow) for each in sorted(ALL)]
)
@settings(max_examples=3)
@given(data=st.data())
def test_a_masked_run_in_sum_mode_equals_the_clear_run_bit_for_bit(name, data, graph_testbeds, run_clear):
    check(data.draw(graph_testbeds(name, mode="sum", k=2, security="active")), run_clear)


@settings(max_examples=3)
@given(data=st.data())
def test_a_masked_epidemic_equals_the_clear_run_bit_for_bit(data, testbeds, run_clear):
    check(data.draw(testbeds(mode="outcome", k=2)), run_clear)


@settings(max_examples=3)
@given(data=st.data(), least=st.integers(2, 8))
def test_a_masked_epidemic_with_small_counts_suppressed_equals_the_clear_run(data, least, testbeds, run_clear):
    check(data.draw(testbeds(mode="outcome", k=2, min_count=least)), run_clear)


@settings(max_examples=4)
@given(data=st.data(), waning=st.sampled_from([(2**31, 2**31), (2**32,), (0, 0, 2**32)]))
def test_a_masked_epidemic_whose_immunity_wanes_equals_the_clear_run(data, waning, testbeds, run_clear):
    check(changed(data.draw(testbeds(mode="outcome", k=2)), waning=waning), run_clear)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(ALL))
@settings(max_examples=20)
@given(data=st.data())
def test_many_masked_runs_equal_their_clear_runs_bit_for_bit(name, data, graph_testbeds, run_clear):
    check(data.draw(graph_testbeds(name, mode="outcome", k=2)), run_clear)
