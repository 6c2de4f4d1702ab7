"""A client that joins late, or is away, gets the public numbers that it missed, and nothing else of these steps."""

import asyncio
import dataclasses

import msgspec
import numpy as np
import pytest
import torch

from client_sdk import Client
from client_sdk.private.contacts import ContactTable
from lpm_secure.engine.loop import RemotePart, simulate
from lpm_secure.testbed.synthetic import draw_columns
from lpm_secure.testbed.testbed import Testbed
from protocols.task.parties import ENGINE
from tests.conformance.parity.conftest import graph_model
from tests.conformance.parity.test_absences import Late
from tests.conformance.parity.test_absences_of_models import reference
from tests.user_models import ENVIRONMENTS

STEPS, LATE = 7, 4
AGENTS = tuple((number,) for number in range(10, 18))


@pytest.fixture
def testbed(manifest_of):
    model, n = graph_model("closures"), len(AGENTS)
    rng = np.random.default_rng(3)
    a = rng.integers(0, n, 40)
    table = ContactTable(np.zeros(40, np.int64), a, (a + rng.integers(1, n, 40)) % n, *np.array([[0] * 40, [1] * 40]))
    manifest = manifest_of(
        AGENTS,
        model=model,
        model_hash=model.digest,
        channels=model.contact_channels,
        steps=STEPS,
        max_message=400,
        engine=True,
        testbed_seed=5,
        join_timeout_s=0.3,
        round_timeout_s=5.0,
    )
    columns = draw_columns(manifest, np.array([number for own in AGENTS for number in own], dtype=np.uint64))
    nowhere = np.zeros(0, dtype=np.int64)
    return Testbed(manifest, table, nowhere, 0, "drawn", True, columns=columns, environment=ENVIRONMENTS["closures"])


def ended(testbed, operators_of):
    """Run it, with a client that joins when the others are at step `LATE`; return the series and all clients."""
    manifest = testbed.manifest

    async def client(name, operators, *, at=0):
        while operators.runs[0].round.step < at:
            await asyncio.sleep(0.002)
        joined = await Client.join(manifest, testbed.private_state(name), operators.transports(name))
        await joined.run()
        return joined

    async def everybody():
        with operators_of(manifest) as operators:
            names = [party.name for party in manifest.clients]
            clients = [client(name, operators, at=0 if place else LATE) for place, name in enumerate(names)]
            engine = RemotePart(manifest, operators.transports(ENGINE))
            agents = testbed.synthetic_agents(torch.device("cpu"))
            driven = simulate(manifest, engine, agents, environment=testbed.new_environment())
            return await asyncio.gather(driven, *clients)

    series, *clients = asyncio.run(everybody())
    return series, clients


def test_who_joins_late_goes_on_by_the_numbers_of_all_steps(testbed, operators_of):
    series, clients = ended(testbed, operators_of)
    missed = {client.private.name: client.missed for client in clients}
    late = missed.pop("client-0")
    assert late[:LATE] == list(range(LATE))
    assert not any(missed.values())
    state = reference(testbed, missed | {"client-0": set(late)}, series.public)
    for field, values in state.items():
        told = np.concatenate([client.private.state[field] for client in clients])
        np.testing.assert_array_equal(told, values, err_msg=field)
    assert len(set(series.public["weather"][:LATE])) > 1  # what was missed was not all the same
    other = {name: [*numbers[:LATE][::-1], *numbers[LATE:]] for name, numbers in series.public.items()}
    wrong = reference(testbed, missed | {"client-0": set(late)}, other)
    assert wrong["cold"][0] != state["cold"][0]  # of client-0's one agent: the comparison can fail


def test_the_run_with_the_late_one_is_no_run_of_all(testbed, operators_of, run_clear):
    series, _ = ended(testbed, operators_of)
    assert series.hash != run_clear(dataclasses.replace(testbed)).series.hash


def test_who_is_away_goes_on_by_the_numbers_of_these_steps(testbed, run_private):
    testbed = dataclasses.replace(testbed, manifest=msgspec.structs.replace(testbed.manifest, round_timeout_s=1.0))

    def around(name, operators):
        away = {2, 5} if name == "client-0" else set()
        return [Late(inner, operators.runs, away) for inner in operators.transports(name)]

    ending = run_private(testbed, around)
    missed = {name: set(steps) for name, steps in ending.missed.items()}
    assert missed["client-0"] >= {2, 5}
    for field, values in reference(testbed, missed, ending.series.public).items():
        np.testing.assert_array_equal(ending.state[field], values, err_msg=field)
