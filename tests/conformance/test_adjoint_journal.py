"""Adjoints with states that are computed again: the same gradient to the last bit, from fewer states kept."""

import asyncio

import numpy as np
import pytest
import torch

from client_sdk import ContactTable
from client_sdk.gradients.adjoints import AdjointClient
from client_sdk.gradients.journal import AdjointJournal
from client_sdk.gradients.participant import take_part_over
from client_sdk.simulation.exchange import Exchange
from lpm_secure.engine.loop import RemotePart
from lpm_secure.gradients.private.adjoints import PrivateAdjoints, mean_counts
from lpm_secure.gradients.private.result import engine_tensors
from lpm_secure.testbed.testbed import Testbed
from protocols.errors import ParameterError
from protocols.models.chain.hazard_factor import REDUCTION
from protocols.models.gradient import Gradient, HazardReduction
from protocols.task.layout import Layout
from protocols.task.parties import ENGINE
from tests.client_restarts import AFTER, BEFORE, BETWEEN, FragileClient

STEPS = 20
PASSES = 2


@pytest.fixture
def testbed(seir, manifest_of):
    draw = np.random.default_rng(3)
    manifest = manifest_of(
        [tuple(range(c * 8, c * 8 + 8)) for c in range(3)],
        steps=STEPS,
        engine=True,
        cells=(40, 40),
        min_cohort=2,
        model=seir(cell_beta=2**38, initial=2**29, beta=(2**36,), listed=False),
        gradient=Gradient(
            way="adjoints",
            parameters=("contact_rate", "cell_rate", "latent_law", "initial", REDUCTION),
            value_bits=36,
            tangent_bits=30,
            passes=PASSES,
            reduction=HazardReduction(begin=3, end=9, share=0.4),
        ),
    )
    day, a, b = (draw.integers(0, high, 60) for high in (1, 24, 24))
    keep = a < b
    table = ContactTable(day[keep], a[keep], b[keep], np.zeros(keep.sum(), dtype=int), np.full(keep.sum(), 3))
    return Testbed(manifest, table, draw.integers(0, 2, 24), 0, "drawn", True)


def gradients(testbed, operators_of, every, ends=None):
    """Return the gradients of all passes, and how many states each client kept at a time.

    With `ends`, calls at which clients' processes end, they go on from their journals.
    """
    manifest, clients = testbed.manifest, []

    def body(private):
        synthetic, point = engine_tensors(testbed)
        theta = torch.tensor(point, requires_grad=True)
        found = []
        for stage in range(PASSES):
            counts = mean_counts(private, synthetic, theta + stage / 1000)
            found.append(torch.autograd.grad((counts[:, 0, 2] ** 2).sum() + counts[-1, 0, 3], theta)[0])
        return torch.stack(found).numpy()

    async def one(name, operators):
        ways = operators.transports(name)
        if ends is not None:
            fragile = FragileClient(manifest, name, lambda: testbed.private_state(name), ways, ends.get(name, {}))
            clients.append(await fragile.run())
            return
        client = await take_part_over(
            manifest, testbed.private_state(name), Exchange(manifest, name, ways), states_every=every
        )
        assert isinstance(client, AdjointClient)
        clients.append(client)
        await client.run()

    async def everybody():
        with operators_of(manifest) as operators:
            remote = RemotePart(manifest, operators.transports(ENGINE))
            private = PrivateAdjoints(manifest.relaxation, Layout.of(manifest), remote, asyncio.get_running_loop())
            parts = [one(party.name, operators) for party in manifest.clients]
            return (await asyncio.gather(asyncio.to_thread(body, private), *parts))[0]

    return asyncio.run(everybody()), [client.journal.most for client in clients]


@pytest.mark.parametrize(("every", "most"), [(3, 8), (5, 8), (STEPS, STEPS), (7 * STEPS, STEPS)])
def test_the_gradient_has_the_same_bits_from_fewer_states(testbed, operators_of, every, most):
    """T / every states on the way forth, and on the way back all of one segment in place of its first."""
    all_kept, plain = gradients(testbed, operators_of, 1)
    found, kept = gradients(testbed, operators_of, every)
    assert found.tobytes() == all_kept.tobytes()
    assert np.abs(all_kept).min(axis=1).tolist() != np.abs(all_kept).max(axis=1).tolist()
    assert plain == [STEPS] * 3
    assert kept == [most] * 3


def test_the_gradient_has_the_same_bits_where_clients_end_and_come_back(testbed, operators_of):
    ends = {"client-0": {20: BETWEEN, 90: AFTER}, "client-2": {41: BEFORE}}
    whole, _ = gradients(testbed, operators_of, 1)
    found, kept = gradients(testbed, operators_of, 1, ends)
    assert found.tobytes() == whole.tobytes()
    assert kept == [STEPS] * 3


def counted(every, steps):
    """Return the states that come back, and how often one was computed, for a state that counts its steps."""
    kept, calls = AdjointJournal(every), []

    def after(t, stages):
        calls.append(t)
        return stages + 1.0

    for t in range(steps):
        kept.put(t, np.full((3, 1), float(t)))
    return [float(kept.take(t, after)[0, 0]) for t in reversed(range(steps))], calls, kept.most


@pytest.mark.parametrize("every", [1, 2, 3, 4, 10, 11])
def test_every_state_comes_back_and_is_computed_again_at_most_once(every):
    back, calls, most = counted(every, 10)
    assert back == [float(t) for t in reversed(range(10))]
    assert len(calls) == len(set(calls)) == 10 - len(range(0, 10, every))
    assert most <= -(-10 // every) + every - 1


def test_a_distance_below_one_is_refused():
    with pytest.raises(ParameterError, match="every = 0"):
        AdjointJournal(0)
