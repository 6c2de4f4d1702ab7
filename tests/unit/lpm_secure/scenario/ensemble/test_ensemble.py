"""Where a seed is computed does not change its bits, and an error of another process is the same error here."""

import logging

import pytest

from lpm_secure.scenario.ensemble.ensemble import EnsembleTask, compute


@pytest.mark.slow
def test_two_processes_compute_the_bits_of_one(rumour, result):
    assert rumour.run(seeds=3, workers=2).table.equals(result.table)


def test_each_notice_of_many_runs_is_logged_once(rumour, caplog):
    caplog.set_level(logging.INFO, logger="lpm")
    compute([EnsembleTask(rumour.with_(steps=3).config, rumour.beside)], [1, 2, 3], workers=1)
    assert sum("they repeat" in record.message for record in caplog.records) == 1
