"""A client's part of a round, against aggregators that do not all say the same, or that it meets late."""

import asyncio
import dataclasses

import numpy as np
import pytest

from client_sdk import Client, ContactTable, PrivateState
from protocols.errors import PartiesDisagree, Unavailable
from protocols.models.agent_model import StepInputs, decide
from protocols.wire.messages import JoinReply, RoundResult
from protocols.wire.transport import Transport


class Lying(Transport):
    """Changes what one aggregator answers."""

    def __init__(self, inner, change, kind=RoundResult):
        self._inner, self._change, self._kind = inner, change, kind

    async def call(self, request, *, timeout_s):
        reply = await self._inner.call(request, timeout_s=timeout_s)
        return self._change(reply) if isinstance(reply, self._kind) else reply


def private(manifest, name="client-0"):
    rows = np.array([[0, 0, 1, 0, 50]] if name == "client-0" else [], dtype=np.int64).reshape(-1, 5)
    cell = np.zeros(len(manifest.clients[0].agents) if manifest.cells else 0, dtype=np.int64)
    return PrivateState(manifest, name, contacts=ContactTable(*rows.T), cell=cell)


def longer(vector):
    return np.append(vector, vector[:1])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda reply: dataclasses.replace(reply, members=2), "told different things about step 0"),
        (lambda reply: dataclasses.replace(reply, synthetic=reply.synthetic + 1), "told different things about step 0"),
        (lambda reply: dataclasses.replace(reply, step=1), "answered step 0 with vectors of another size"),
        (lambda reply: dataclasses.replace(reply, own=longer(reply.own)), "vectors of another size"),
        (lambda reply: dataclasses.replace(reply, release=reply.release[1:]), "vectors of another size"),
        (lambda reply: dataclasses.replace(reply, synthetic=longer(reply.synthetic)), "vectors of another size"),
    ],
    ids=["members", "synthetic", "step", "own", "release", "length of synthetic"],
)
def test_aggregators_that_do_not_say_the_same_end_the_run_for_a_client(manifest_of, operators_of, change, said):
    manifest = manifest_of([(1, 2)], cells=(5,))

    async def act():
        with operators_of(manifest) as operators:
            honest, other = operators.transports("client-0")
            client = await Client.join(manifest, private(manifest), [honest, Lying(other, change)])
            before = dict(client.private.state)
            with pytest.raises(PartiesDisagree, match=said):
                await client.advance()
            return client, before

    client, before = asyncio.run(act())
    assert client.step == 0
    assert all(client.private.state[field] is before[field] for field in before)


@pytest.mark.parametrize("mode", ["sum", "outcome"])
def test_a_step_that_the_run_does_not_have_is_no_step_to_join_in(manifest_of, operators_of, mode):
    """Else its agents would live through steps without end, each of them kept."""
    manifest = manifest_of([(1, 2)], mode=mode)

    async def act():
        with operators_of(manifest) as operators:
            honest, other = operators.transports("client-0")
            lying = Lying(other, lambda reply: dataclasses.replace(reply, step=2**32), JoinReply)
            with pytest.raises(PartiesDisagree, match=f"told step {2**32}, and the run is over at step"):
                await Client.join(manifest, private(manifest), [honest, lying])

    asyncio.run(act())


def test_a_round_that_failed_can_be_advanced_again(manifest_of, operators_of):
    """The same keys, step and state give the same share, so the aggregators take the second call for the first."""
    manifest = manifest_of([(1, 2)])

    async def act():
        with operators_of(manifest) as operators:
            lost = []

            def lose(reply):
                if not lost:
                    lost.append(reply)
                    raise Unavailable("the reply was lost")
                return reply

            honest, other = operators.transports("client-0")
            client = await Client.join(manifest, private(manifest), [honest, Lying(other, lose)])
            with pytest.raises(Unavailable):
                await client.advance()
            await client.run()
            return client

    client = asyncio.run(act())
    assert (client.step, client.missed) == (manifest.steps + 1, [])


def test_the_agents_of_a_client_that_joins_late_have_lived_through_the_days_before(manifest_of, operators_of, seir):
    """As those of a client that missed these steps: only what others said never reached them."""
    model = seir(initial=2**31)
    manifest = manifest_of([(1, 2, 3, 4, 5, 6), (7,)], model=model, join_timeout_s=0.1, round_timeout_s=0.1, steps=3)

    async def act():
        with operators_of(manifest) as operators:
            first = await Client.join(manifest, private(manifest, "client-1"), operators.transports("client-1"))
            for _ in range(2):
                await first.advance()
            return await Client.join(manifest, private(manifest), operators.transports("client-0"))

    late, alone = asyncio.run(act()), private(manifest)
    agents, levels, zero = manifest.model.agents, 0, np.zeros((6, 1), dtype=np.int64)
    for step in range(2):
        own = alone.contacts.add_up(agents.messages(alone.state), step=step)[:6]
        levels = levels + agents.increments(own, zero)
        decided = decide(agents.outcomes, levels, agents.thresholds(alone.state))
        inputs = StepInputs(step, own, zero, zero, zero[:, 0], decided)
        alone.state = agents.update(alone.state, inputs, alone.source)[0]
    assert late.missed == [0, 1]
    assert {field: v.tolist() for field, v in late.private.state.items()} == {
        field: v.tolist() for field, v in alone.state.items()
    }


def test_progress_is_told_after_every_round(manifest_of, operators_of):
    manifest = manifest_of([(1, 2)])

    async def act():
        told = []
        with operators_of(manifest) as operators:
            transports = operators.transports("client-0")
            client = await Client.join(manifest, private(manifest), transports)
            await client.run(told.append)
        return told, transports

    told, transports = asyncio.run(act())
    assert told == list(range(manifest.steps + 1))
    keyed, full = transports
    assert keyed.sent < full.sent
    assert all(transport.received > 0 for transport in transports)
