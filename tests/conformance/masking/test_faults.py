"""Drawn faults: whatever one party signs or the network changes, honest bits or one clear end for all comes of each.

`make faults` plays 5,000 and goes on where it was stopped.
"""

import pytest

from tests.faults.messages import SENDERS, play


@pytest.mark.parametrize("sender", SENDERS)
def test_a_drawn_fault_changes_no_bit_and_ends_nobodys_run_alone(sender):
    played = [play(seed, sender) for seed in range(6)]
    assert not [wrong for _, wrong in played if wrong]
    ends = [ended for ended, _ in played]
    assert any(ends) if sender.startswith("aggregator") else not all(ends)


@pytest.mark.slow
@pytest.mark.parametrize("sender", SENDERS)
@pytest.mark.parametrize("part", range(5))
def test_many_drawn_faults_change_no_bit_and_end_nobodys_run_alone(sender, part):
    assert not [wrong for seed in range(1000 + 50 * part, 1050 + 50 * part) for wrong in play(seed, sender)[1]]
