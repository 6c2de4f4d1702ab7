"""Faults over real processes and TLS: each ends in the documented behaviour, and nothing hangs."""

import asyncio
import dataclasses
import json
import signal
import time

import numpy as np
import pytest
import torch

from client_sdk import Client, connect
from lpm_secure.run.processes import drive, run_clear, run_private
from protocols.errors import OutOfRange, ParameterError, ProtocolError
from protocols.identity import certificates
from protocols.task import manifest as manifests
from protocols.task.rounds import Phase
from protocols.wire.messages import Announcement, Share
from protocols.wire.transport import Transport
from tests.integration.conftest import start_twice

CPU = torch.device("cpu")


def driven(deployment, on_step):
    """Drive a deployment whose processes the test has started."""
    return asyncio.run(drive(deployment, CPU, time.perf_counter(), on_step))


def members_by_step(deployment, act):
    """Drive a deployment, call `act(step)` after each round, and return how many clients took part in each."""
    members = {}

    def on_step(step, release):
        members[step] = release.members
        act(step)

    return driven(deployment, on_step), members


@pytest.mark.parametrize("k", [2, 3])
def test_a_run_over_real_processes_equals_the_clear_run_and_logs_no_value_of_a_vector(deploy, k):
    deployment = deploy(aggregators=k)
    private = run_private(deployment, CPU)
    clear = run_clear(deployment.testbed, CPU)
    assert private.series.hash == clear.series.hash
    assert private.series.departure_share("private") > private.series.counts[0, 0, 2] / 20
    assert [client["modules"] for client in private.clients.values()] == [[]] * 4
    assert private.lost == ()
    for party in deployment.testbed.manifest.aggregators:
        lines = [json.loads(line) for line in (deployment.party(party.name) / "log.jsonl").read_text().splitlines()]
        assert {line["event"] for line in lines} <= {"serving", "joined", "round closed", "stopped"}
        counted = lines[-1].pop("bytes")  # of messages, by kind and direction
        assert counted
        assert all(isinstance(count, int) for count in counted.values())
        assert all(not isinstance(value, list | dict) for line in lines for value in line.values())


@pytest.mark.parametrize("k", [pytest.param(2, marks=pytest.mark.slow), 3])  # `lpm run` is tested with two
def test_an_outcome_run_over_real_processes_equals_the_clear_run(deploy, k):
    deployment = deploy(aggregators=k, mode="outcome", round_timeout_s=10.0)
    private = run_private(deployment, CPU)
    clear = run_clear(deployment.testbed, CPU)
    assert private.series.hash == clear.series.hash
    assert [client["modules"] for client in private.clients.values()] == [[]] * 4
    assert private.lost == ()
    recovered = []
    for name in "abcd":
        _, *rows = (deployment.party(name) / "series.csv").read_text().splitlines()
        assert rows == [f"{step}," + ",".join(map(str, row)) for step, row in enumerate(private.series.counts[:, 0])]
        last = {row.split(",")[1]: row for row in (deployment.party(name) / "outcomes.csv").read_text().split()[1:]}
        recovered += [agent for agent, row in last.items() if row.endswith(",R")]
    assert len(recovered) == private.series.counts[-1, 0, 3]


@pytest.mark.parametrize("name", ["aggregator-0", pytest.param("aggregator-1", marks=pytest.mark.slow), "dealer"])
def test_a_party_of_an_outcome_run_killed_between_rounds_resumes_and_the_result_is_the_same(deploy, name):
    deployment = deploy(mode="outcome", round_timeout_s=10.0)
    deployment.start()

    def act(step):
        if step == 3:
            deployment.process(name).kill()
            deployment.process(name).wait()
            deployment.start_party(name)

    timed, members = members_by_step(deployment, act)
    assert set(members.values()) == {4}
    assert timed.series.hash == run_clear(deployment.testbed, CPU).series.hash


class Cheats(Transport):
    """Shares a number that is out of its range in one step."""

    def __init__(self, inner, step):
        self._inner, self._step = inner, step

    async def call(self, request, *, timeout_s):
        speaks = isinstance(request, Share) and (request.step, request.phase) == (self._step, Phase.SPEAK)
        if speaks and request.share.size:
            request = dataclasses.replace(request, share=request.share + np.uint64(2**40))
        return await self._inner.call(request, timeout_s=timeout_s)


def test_a_number_out_of_range_ends_the_run_for_all_alike_and_a_restart_changes_nothing(deploy):
    deployment = deploy(mode="outcome", round_timeout_s=10.0)
    manifest = deployment.testbed.manifest
    for name in ("dealer", "aggregator-0", "aggregator-1", "b", "c", "d"):
        deployment.start_party(name)

    async def cheat():
        ways = connect(manifest, certificates.read(deployment.party("a")))
        try:
            transports = [Cheats(way, 2) for way in ways]
            await (await Client.join(manifest, deployment.testbed.private_state("a"), transports)).run()
        finally:
            for way in ways:
                await way.close()

    async def both():
        engine = drive(deployment, CPU, time.perf_counter(), lambda step, release: None)
        return await asyncio.gather(engine, cheat(), return_exceptions=True)

    said = "somebody shared a number outside of the manifest's ranges in step 2; nothing of this round counted"
    for error in asyncio.run(both()):
        assert isinstance(error, OutOfRange)
        assert said in str(error)
    for name in ("b", "c", "d"):
        assert deployment.process(name).wait(20.0) == 3
    assert all(said in failure.reason for failure in deployment.failures())

    async def again():
        ways = deployment.transports()
        call = Announcement(manifests.run_id(manifest), 2, np.zeros(3, dtype=np.int64))
        try:
            return await asyncio.gather(*(way.call(call, timeout_s=60.0) for way in ways), return_exceptions=True)
        finally:
            for way in ways:
                await way.close()

    for name in ("aggregator-0", "aggregator-1"):
        deployment.process(name).kill()
        deployment.process(name).wait()
        deployment.start_party(name)
    for error in asyncio.run(again()):
        assert isinstance(error, OutOfRange)
        assert said in str(error)


def test_a_client_killed_in_the_middle_is_left_out_and_the_run_goes_on(deploy):
    deployment = deploy()
    deployment.start()

    def act(step):
        if step == 3:
            deployment.process("b").kill()

    timed, members = members_by_step(deployment, act)
    counted = [members[step] for step in range(9)]
    assert counted in ([4] * 4 + [3] * 5, [4] * 5 + [3] * 4)  # its share of step 4 may have been in already
    totals = timed.series.counts[:, 0].sum(axis=1).tolist()
    assert totals == [5 * clients for clients in counted]
    assert [failure.name for failure in deployment.failures()] == ["b"]


def test_a_client_that_is_started_twice_at_once_takes_part_once(deploy):
    deployment = deploy(round_timeout_s=10.0)
    deployment.start()
    ended = []

    def act(step):
        if step == 2:
            ended.append(start_twice(deployment, "c"))

    timed, members = members_by_step(deployment, act)
    [(code, said)] = ended
    assert code == 2
    [line] = said.splitlines()
    assert "another process works with what" in line
    assert deployment.process("c").wait(20.0) == 0
    assert set(members.values()) == {4}
    assert timed.series.hash == run_clear(deployment.testbed, CPU).series.hash


def test_a_client_that_never_joins_is_waited_for_once(deploy):
    deployment = deploy(join_timeout_s=4.0)
    for name in ("aggregator-0", "aggregator-1", "a", "b", "d"):
        deployment.start_party(name)
    started = time.perf_counter()
    _, members = members_by_step(deployment, lambda step: None)
    assert set(members.values()) == {3}
    assert time.perf_counter() - started < 4.0 + 2.0 * 8


@pytest.mark.parametrize("name", [pytest.param("aggregator-0", marks=pytest.mark.slow), "aggregator-1"])
def test_an_aggregator_killed_between_rounds_resumes_and_the_result_is_the_same(deploy, name):
    deployment = deploy(round_timeout_s=5.0)
    deployment.start()

    async def scenario():
        restarts = []

        def on_step(step, release):
            if step in (2, 5):
                deployment.process(name).send_signal(signal.SIGKILL)
                deployment.process(name).wait()
                deployment.start_party(name)
                restarts.append(release.members)

        return await drive(deployment, CPU, time.perf_counter(), on_step), restarts

    timed, restarts = asyncio.run(scenario())
    assert restarts == [4, 4]
    assert timed.series.hash == run_clear(deployment.testbed, CPU).series.hash


def test_an_aggregator_that_stays_away_ends_the_run(deploy):
    deployment = deploy()
    deployment.start()

    def act(step):
        if step == 2:
            deployment.process("aggregator-1").kill()

    with pytest.raises(ProtocolError, match="aggregator-1 ended"):
        members_by_step(deployment, act)


def test_a_release_over_too_few_clients_is_refused(deploy):
    deployment = deploy(min_cohort=4)
    deployment.start()

    def act(step):
        if step == 2:
            deployment.process("c").kill()

    with pytest.raises(ProtocolError, match="cannot release a sum of 3 clients: the manifest promises 4"):
        members_by_step(deployment, act)


def test_a_client_with_a_wrong_file_stops_the_run_before_it_begins(deploy):
    deployment = deploy()
    path = deployment.party("c") / "contacts.csv"
    path.write_text(path.read_text() + "0,100,999,near,1\n")
    with pytest.raises(ParameterError, match="names the unknown person 999"):
        run_private(deployment, CPU)
