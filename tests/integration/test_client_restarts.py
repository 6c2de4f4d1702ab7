"""Clients of semi-honest runs over processes, ended by kill -9 and started again: they go on from their journals."""

import json
import stat

import pytest
import torch

from lpm_secure.run.processes import run_clear
from tests.integration.conftest import driven, end

CPU = torch.device("cpu")
TIMES = {"round_timeout_s": 20.0, "join_timeout_s": 60.0}


@pytest.mark.parametrize(
    "given", [{}, pytest.param({"mode": "outcome"}, marks=pytest.mark.slow)], ids=["sum", "outcome"]
)
def test_a_client_killed_and_started_again_ends_with_the_bits_of_a_run_without_it(deploy, given):
    deployment = deploy(**given, **TIMES)
    deployment.start()

    def act(step):
        if step in (1, 4):
            deployment.process("b").kill()
            deployment.process("b").wait()
            deployment.start_party("b")

    series = driven(deployment, act)
    assert series.hash == run_clear(deployment.testbed, CPU).series.hash
    folder = deployment.party("b")
    assert deployment.process("b").wait(30.0) == 0
    assert json.loads((folder / "summary.json").read_text())["missed_steps"] == []
    _, *rows = (folder / "series.csv").read_text().splitlines()
    assert rows == [f"{step}," + ",".join(map(str, row)) for step, row in enumerate(series.counts[:, 0])]
    (journal,) = folder.glob("*.journal")
    assert stat.S_IMODE(journal.stat().st_mode) == 0o600
    written = (folder / "outcomes.csv").read_bytes()
    for name in ("aggregator-0", "aggregator-1"):
        deployment.process(name).kill()
    (folder / "outcomes.csv").unlink()
    deployment.start_party("b")  # the run is over, and its servers are gone
    assert deployment.process("b").wait(30.0) == 0
    assert (folder / "outcomes.csv").read_bytes() == written
    assert "client: the run is over after 8 steps, of which 0 were missed" in (folder / "log.jsonl").read_text()


@pytest.mark.slow
@pytest.mark.parametrize(("lost", "missed", "code"), [(1, 1, 0), (5, 3, 3)])
def test_a_client_that_comes_back_when_all_servers_are_gone_ends_with_what_it_was_told(deploy, lost, missed, code):
    """Killed before it kept the last answers, it waits three deadlines and no longer."""
    deployment = deploy(mode="outcome", round_timeout_s=2.0, join_timeout_s=60.0)
    deployment.start()
    driven(deployment)
    folder = deployment.party("b")
    assert deployment.process("b").wait(30.0) == 0
    series = (folder / "series.csv").read_text().splitlines()
    end(deployment)
    (journal,) = folder.glob("*.journal")
    entries = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(entries[: len(entries) - 2 * lost + 1]))  # a vector and an answer each
    deployment.start_party("b")
    assert deployment.process("b").wait(120.0) == code
    lines = (folder / "log.jsonl").read_text()
    assert f"no server answers: the run had 8 steps, of which {missed} were missed" in lines
    assert ("missed 3 of 8 steps, and may miss 1" in lines) == (code == 3)
    kept = (folder / "series.csv").read_text().splitlines()
    told = [row for row in kept if not row.endswith(",,,")]
    assert series[: len(told)] == told
    assert len(kept) == len(series) == len(told) + missed
