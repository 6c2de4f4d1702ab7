"""Masked runs in this process: a testbed's clients, and rounds of words that a test gives itself."""

import asyncio
from typing import Any

import numpy as np

from aggregator.masking.noise import noise_of
from client_sdk import Client
from client_sdk.masking.masking_client import MaskingClient
from lpm_secure.engine.loop import simulate
from lpm_secure.testbed.masked_parties import MaskedParties
from lpm_secure.testbed.masked_run import MaskedRun
from protocols.errors import LpmError, RoundClosed
from protocols.masking.envelope import SignedMessage
from protocols.masking.journal import Journal
from protocols.masking.messages import Closing
from protocols.masking.party import digest_of


async def play_testbed(testbed: Any, parties: MaskedParties) -> tuple[Any, list[Client]]:
    """Run a testbed's clients, and its engine, over the servers of a masked run; return the series and the clients."""
    import torch

    manifest = testbed.manifest

    async def client(name: str) -> Client:
        joined = await Client.join_over(manifest, testbed.private_state(name), parties.exchange(name))
        await joined.run()
        return joined

    clients = [client(party.name) for party in manifest.clients]
    if not manifest.engine:
        return None, list(await asyncio.gather(*clients))
    synthetic = testbed.synthetic_agents(torch.device("cpu"))
    series, *ended = await asyncio.gather(
        simulate(manifest, parties.engine, synthetic, environment=testbed.new_environment()), *clients
    )
    return series, ended


def start_again(run: MaskedRun, name: str, *, journal: Journal | None = None) -> MaskingClient:
    """Start a client once more, from its journal or a copy of it; nothing is sent."""
    before = run.clients[name]
    return MaskingClient(
        run.plan, before.signer, before.keys, before.journal if journal is None else journal, dealer=before.dealer
    )


def come_back(run: MaskedRun, client: MaskingClient) -> None:
    """Hand both aggregators a fresh seed for the round in hand, and take in what they tell of the rounds before."""
    name, number = client.signer.name, run.aggregators[0].number
    client.renew(number)
    run.hand(name, client.join())
    told = [(each.signer.name, each.attend(name, number)) for each in run.aggregators]
    if all(reply is None for _, reply in told):
        raise RoundClosed(f"{name} is out for good")
    first, second = (run.between(sender, name, reply) for sender, reply in told)
    try:
        client.attend(number, (first, second))
    except LpmError:
        run.clients[name] = client
        run.stop()
        raise
    client.require_whole()
    run.clients[name] = client


class Recorder:
    """Hands every message on, and keeps those to some receivers."""

    def __init__(self, *receivers: str) -> None:
        self.receivers, self.messages = receivers, []

    def __call__(self, sender: str, receiver: str, message: SignedMessage) -> SignedMessage:
        if receiver in self.receivers:
            self.messages.append(message)
        return message


def noise_of_both(run: MaskedRun, heard: Recorder, number: int) -> list[Any]:
    """Return the noise of the dealer and of the aggregators in a round, by what these two have asked and heard."""
    asked = next(each.content for each in reversed(heard.messages) if b"ReleaseQuestion" in each.content)
    closing = next(each for each in reversed(heard.messages) if b"Closing" in each.content)
    both = digest_of(run.dealer.read(closing, Closing).digest, asked)
    named = (run.dealer._key, run.dealer._asked), (run.aggregators[0]._common.noise_key, both)
    return [noise_of(run.plan, key, number, question) for key, question in named]


class Secrets:
    """Words of two clients, `client-0` of agents 0 and 1 and `client-1` of agents 2 and 3, on one channel.

    Attributes:
        tau: the thresholds of agent 0 and 1; all others have the largest.
        said: what client-0 tells agent 2, and client-1 tells agents 0 and 1, in each step.
        stage: in which of four stages agent 0 is.
    """

    def __init__(self, *, tau: tuple[int, int] = (5, 5), said: int = 3, stage: int = 0) -> None:
        self.tau, self.said, self.stage = tau, said, stage

    def words(self, run: MaskedRun, number: int | None = None) -> dict[str, np.ndarray]:
        """Return both clients' words of a round, the one in hand unless given."""
        plan, number = run.plan, run.aggregators[0].number if number is None else number
        phase, largest = plan.phase(number).name, min(plan.manifest.level_bounds) + 1
        if phase == "THRESHOLDS":
            return {"client-0": np.array(self.tau, np.uint64), "client-1": np.full(2, largest, np.uint64)}
        if phase == "DECIDE":
            return {name: np.zeros(2, np.uint64) for name in plan.names}
        last = plan.manifest.schedule.step(number) == plan.manifest.steps
        words = {}
        for name, place in (("client-0", [2]), ("client-1", [0, 1])):
            exposure, tally = np.zeros((4, 1), np.int64), np.zeros(4, np.int64)
            exposure[place] = 0 if last else self.said
            tally[0] = 2
            if name == "client-0":
                tally[0] -= 1
                tally[self.stage] += 1
            words[name] = plan.layout.pack(exposure, np.zeros(plan.layout.cells, np.int64), tally)
        return words
