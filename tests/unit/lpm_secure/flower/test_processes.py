"""Flower's own processes, as a party that may not answer."""

import pytest

from lpm_secure.flower import processes
from protocols.errors import Unavailable


def test_a_flwr_run_that_takes_too_long_is_a_party_that_does_not_answer(tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "START_S", 0.001)
    with pytest.raises(Unavailable, match=r"not ended within 0\.001 s"):
        processes.Processes(tmp_path, tmp_path, [], tmp_path).run(tmp_path)
