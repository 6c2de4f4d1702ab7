"""Twins over processes: one client's process is stopped for a while, and its agents' twins stand in for them."""

import csv
import json
import signal

import numpy as np
import pytest

from lpm_secure.engine.series import StageSeries
from tests.conformance.parity.test_twins import reference
from tests.integration.conftest import STEPS, driven

STOPPED = 3


@pytest.mark.slow
def test_a_client_that_is_stopped_is_stood_in_for_and_all_go_on_to_the_same_bits(deploy):
    deployment = deploy(twin=True, round_timeout_s=1.5, aggregators=3)
    testbed, away = deployment.testbed, deployment.testbed.manifest.clients[0].name
    deployment.start()

    def act(step):
        if step == STOPPED:
            deployment.process(away).send_signal(signal.SIGSTOP)
        if step == STOPPED + 2:
            deployment.process(away).send_signal(signal.SIGCONT)

    series = driven(deployment, act)
    assert isinstance(series, StageSeries), series
    missed, ends = {}, []
    for client in testbed.manifest.clients:
        folder = deployment.party(client.name)
        assert deployment.process(client.name).wait(60.0) in (0, 3)  # which is said where many steps were missed
        missed[client.name] = {*json.loads((folder / "summary.json").read_text())["missed_steps"]}
        with (folder / "outcomes.csv").open(newline="") as file:
            last = {int(row["agent"]): row["stage"] for row in csv.DictReader(file)}
        ends += [last[agent] for agent in client.agents]
    assert missed[away]
    assert min(missed[away]) > STOPPED
    state, counts = reference(testbed, missed, {})
    np.testing.assert_array_equal(series.counts, counts)
    names = [word.name for word in testbed.manifest.model.agents.tally]
    assert ends == [names[stage].removeprefix("stage.") for stage in state["stage"][: len(ends)].tolist()]
    assert len({*series.counts.sum(axis=(1, 2)).tolist()}) == 1
    assert len(series.counts) == STEPS + 1
