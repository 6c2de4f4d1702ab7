"""Where immunity wanes, and where agents have private weights that change by step: private run == clear run."""

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from client_sdk import ContactTable
from lpm_secure.config.model import graph_of
from lpm_secure.models.library.doses import FULL
from lpm_secure.testbed.testbed import Testbed
from tests.epidemics import doses_of, table_of
from tests.repetitions import repetitions

FEWER = settings(max_examples=repetitions(12))
MANY = settings(max_examples=300)
S, E, I, R = range(4)  # noqa: E741 - the field's letters
SHORT = (2**31, 2**31)
F = 24


def changed(testbed, **changes):
    """Return the same run of another model, with fewer fraction bits, as weights take some."""
    table = table_of(testbed.manifest.model)
    fewer = max(table.f - F, 0)
    rates = {"beta": tuple(value >> fewer for value in table.beta), "cell_beta": table.cell_beta >> fewer}
    model = graph_of(table._replace(**rates, f=table.f - fewer, **changes))
    manifest = msgspec.structs.replace(testbed.manifest, model=model, model_hash=model.digest)
    return Testbed(manifest, testbed.contacts, testbed.cell, testbed.synthetic, testbed.source, True)


@st.composite
def campaigns(draw):
    return doses_of(
        draw(st.integers(0, 6)), draw(st.integers(1, 6)), draw(st.integers(0, 2**32)), draw(st.integers(0, FULL))
    )


@st.composite
def drawn(draw, testbeds, mode):
    which = draw(st.sampled_from(["waning", "doses", "both"]))
    given = {"waning": draw(st.sampled_from([SHORT, (2**32,), (0, 0, 2**32)]))} if which != "doses" else {}
    return changed(draw(testbeds(mode=mode)), **given, doses=draw(campaigns()) if which != "waning" else {})


def check(testbed, run_private, run_clear):
    private, clear = run_private(testbed), run_clear(testbed)
    assert private.state.keys() == clear.state.keys()
    for field in clear.state:
        assert private.state[field].dtype == clear.state[field].dtype, field
        assert private.state[field].tobytes() == clear.state[field].tobytes(), field
    if testbed.manifest.engine:
        assert private.series.hash == clear.series.hash
    return clear


@FEWER
@given(data=st.data())
@pytest.mark.parametrize("mode", ["sum", "outcome"])
def test_a_private_run_equals_the_clear_run_bit_for_bit(data, mode, testbeds, run_private, run_clear):
    check(data.draw(drawn(testbeds, mode)), run_private, run_clear)


@pytest.mark.slow
@MANY
@given(data=st.data())
@pytest.mark.parametrize("mode", ["sum", "outcome"])
def test_many_private_runs_equal_their_clear_runs_bit_for_bit(data, mode, testbeds, run_private, run_clear):
    check(data.draw(drawn(testbeds, mode)), run_private, run_clear)


def busy(manifest_of, seir, mode, **model):
    """Return a run in which most agents are infected again and again, by agents of other clients."""
    rng = np.random.default_rng(3)
    law = (2**32,)
    given = {"latent": law, "infectious": SHORT, "beta": (2**17,), "cell_beta": 2**F, "f": F, "waning": SHORT}
    manifest = manifest_of(
        [(1, 2, 3, 4), (5, 6, 7), (8, 9)],
        model=seir(**given | model),
        steps=30,
        mode=mode,
        cells=(49,),
        engine=True,
        max_message=200,
    )
    a, b = np.array([rng.choice(9, 2, replace=False) for _ in range(40)]).T
    zeros = np.zeros_like(a)
    table = ContactTable(zeros, a, b, zeros, rng.integers(1, 30, a.size))
    return Testbed(manifest, table, np.zeros(9, dtype=np.int64), 40, "drawn", True)


@pytest.mark.parametrize("mode", ["sum", "outcome"])
@pytest.mark.parametrize("doses", [{}, doses_of(5, 10, 2**31, 32)], ids=["waning", "waning and doses"])
def test_agents_that_are_infected_several_times_are_so_in_the_same_steps(
    mode, doses, manifest_of, seir, run_private, run_clear
):
    clear = check(busy(manifest_of, seir, mode, doses=doses), run_private, run_clear)
    assert (clear.state["spell"] >= 2).sum() >= 5
    assert (clear.state["stage"] == S).any()


def test_full_protection_of_everybody_ends_the_epidemic(manifest_of, seir, run_clear):
    alone, protected = (
        run_clear(busy(manifest_of, seir, "outcome", doses=doses)) for doses in ({}, doses_of(3, 1, 2**32, 0))
    )
    assert alone.series.counts[-1, 0, E:R].sum() > 0
    assert protected.series.counts[-1, 0].tolist() == [9, 0, 0, 0]
