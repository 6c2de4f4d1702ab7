"""Faults over processes of semi-honest runs, of which `make faults` draws many more."""

import pytest

from tests.faults.campaign import play
from tests.faults.semi_honest import KINDS, SemiHonestFault


@pytest.mark.slow
@pytest.mark.parametrize("kind", sorted({*KINDS}))
def test_a_fault_of_each_kind_ends_in_the_same_bits_or_in_one_clear_stop(kind, tmp_path):
    seed = next(seed for seed in range(1_000) if SemiHonestFault(seed).kind == kind)
    line = play(seed, tmp_path / "run", SemiHonestFault)
    assert line["wrong"] == [], line
