"""A private run of any model equals the clear run, bit for bit: the library's, and users' that are in none."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.errors import ParameterError
from protocols.releases.query import Release, Releases
from tests.conformance.parity.conftest import ALL, EACH, LAWS, graph_model
from tests.conformance.parity.test_devices import as_devices

LONG = ("density", "places")  # whose moves have runs of their own by default
OWN = [
    pytest.param(name, marks=pytest.mark.slow) if name in LONG else name for name in sorted(ALL.keys() - LAWS.keys())
]


def check(testbed, run_private, run_clear):
    private, clear = run_private(testbed), run_clear(testbed)
    assert private.state.keys() == clear.state.keys()
    for field, values in clear.state.items():
        np.testing.assert_array_equal(private.state[field], values, err_msg=field)
    assert not any(private.missed.values())
    if testbed.manifest.engine:
        np.testing.assert_array_equal(private.series.counts, clear.series.counts)
        assert private.series.hash == clear.series.hash


@pytest.mark.parametrize("name", OWN)
@settings(max_examples=4)
@given(data=st.data())
def test_an_outcome_run_equals_the_clear_run_bit_for_bit(name, data, graph_testbeds, run_private, run_clear):
    check(data.draw(graph_testbeds(name, mode="outcome")), run_private, run_clear)


@pytest.mark.parametrize("name", EACH)
@settings(max_examples=4)
@given(data=st.data())
def test_a_sum_run_equals_the_clear_run_bit_for_bit(name, data, graph_testbeds, run_private, run_clear):
    check(data.draw(graph_testbeds(name, mode="sum")), run_private, run_clear)


@pytest.mark.parametrize("name", LAWS)
@settings(max_examples=2)
@given(data=st.data())
def test_a_run_of_the_library_equals_the_clear_run_bit_for_bit(name, data, graph_testbeds, run_private, run_clear):
    check(data.draw(graph_testbeds(name, mode="outcome")), run_private, run_clear)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["outcome", "sum"])
@pytest.mark.parametrize("name", ALL)
@settings(max_examples=20)
@given(data=st.data())
def test_many_runs_equal_their_clear_runs_bit_for_bit(name, mode, data, graph_testbeds, run_private, run_clear):
    check(data.draw(graph_testbeds(name, mode=mode)), run_private, run_clear)


@pytest.mark.parametrize("name", ["library-seirs", "opinion"])
@settings(max_examples=4)
@given(data=st.data())
def test_a_run_with_small_counts_suppressed_equals_the_clear_run(name, data, graph_testbeds, run_private, run_clear):
    least = data.draw(st.integers(2, 8))
    check(data.draw(graph_testbeds(name, mode="outcome", engine=True, min_count=least)), run_private, run_clear)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("library-work", "without observables"),
        ("crowds", "one field of stages"),
        ("library-strains", "of one stage say"),
    ],
)
def test_counts_that_others_would_tell_by_difference_are_refused(name, said, manifest_of):
    model = graph_model(name)
    given = {"model": model, "model_hash": model.digest, "channels": model.contact_channels, "min_cohort": 2}
    with pytest.raises(ParameterError, match=said):
        manifest_of(**given, mode="outcome", min_count=3, cells=(9,), max_message=9)


@pytest.mark.parametrize("series", ["incidence", "running"])
def test_exact_departures_beside_small_counts_are_refused(series, manifest_of):
    model = graph_model("library-banks")
    given = {"model": model, "model_hash": model.digest, "channels": model.contact_channels, "min_cohort": 2}
    with pytest.raises(ParameterError, match="min_count does not suppress departures"):
        manifest_of(**given, mode="outcome", min_count=3, releases=Releases(each=(Release(name=series),)))


@pytest.mark.parametrize("name", EACH)
@settings(max_examples=3)
@given(data=st.data())
def test_a_run_over_permuted_edges_equals_the_clear_run_bit_for_bit(name, data, graph_testbeds, run_private, run_clear):
    drawn = graph_testbeds(name, mode="outcome", k=2).filter(lambda testbed: testbed.contacts.a.size > 0)
    check(as_devices(data.draw(drawn)), run_private, run_clear)
