"""Faults over processes of active runs, of which `make faults` draws many more."""

import pytest

from tests.faults.campaign import KINDS, Fault, play


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_of_each_kind_ends_in_the_same_bits_or_in_one_clear_stop(kind, tmp_path):
    seed = next(seed for seed in range(1_000) if Fault(seed).kind == kind and not Fault(seed).lie)
    line = play(seed, tmp_path / "run")
    assert line["wrong"] == [], line


@pytest.mark.slow
def test_a_lie_beside_a_fault_ends_the_run_for_all(tmp_path):
    seed = next(seed for seed in range(1_000) if Fault(seed).kind == "twice" and Fault(seed).lie)
    line = play(seed, tmp_path / "run")
    assert line["wrong"] == [], line
    assert line["result"].startswith("one stop"), line
