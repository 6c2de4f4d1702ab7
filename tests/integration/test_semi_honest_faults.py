"""Faults over processes of semi-honest runs, of which `make faults` draws many more."""

import pytest

from tests.faults import calls
from tests.faults.campaign import play
from tests.faults.semi_honest import KINDS, SemiHonestFault


def test_parties_that_end_at_drawn_calls_of_one_process_leave_the_bits_of_whoever_was_there():
    assert [line for line in map(calls.play, range(6)) if line[1]] == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", sorted({*KINDS}))
def test_a_fault_of_each_kind_ends_in_the_same_bits_or_in_one_clear_stop(kind, tmp_path):
    seed = next(seed for seed in range(1_000) if SemiHonestFault(seed).kind == kind)
    line = play(seed, tmp_path / "run", SemiHonestFault)
    assert line["wrong"] == [], line
