"""A run of two clients within one process, of whom the first keeps a record."""

import asyncio
import csv

import numpy as np
import pytest

from client_sdk import Client, ContactTable, PrivateState
from client_sdk.simulation.record import RunRecord
from protocols.errors import RoundClosed
from protocols.task.layout import Layout
from protocols.wire.messages import Share
from protocols.wire.transport import Transport
from tests.epidemics import Stage

AGENTS = [(10, 20, 30), (40, 50)]
STEPS = 6


class Away(Transport):
    """Tells a client that the rounds of some steps closed without it."""

    def __init__(self, inner, steps):
        self._inner, self._steps = inner, steps

    async def call(self, request, *, timeout_s):
        if isinstance(request, Share) and request.step in self._steps:
            await self._inner.call(request, timeout_s=timeout_s)
            raise RoundClosed("closed")
        return await self._inner.call(request, timeout_s=timeout_s)


@pytest.fixture
def recorded(manifest_of, operators_of, tmp_path):
    """Return a function that runs all clients, and gives the first client's record, states by step and files."""

    def _recorded(*, away=(), **changes):
        manifest = manifest_of(AGENTS, steps=STEPS, **changes)
        states = []

        def private(name):
            a, b = np.triu_indices(5, 1)
            first, end = Layout.of(manifest).own[name]
            own = ((a >= first) & (a < end)) | ((b >= first) & (b < end))
            zero = np.zeros(own.sum(), dtype=np.int64)
            table = ContactTable(zero, a[own], b[own], zero, zero + 40)
            model = manifest.model
            ill = np.where(np.arange(first, end), int(Stage.S), int(Stage.I))
            columns = {"trust": np.full(end - first, 2)} if "trust" in model.graph.fields else {"stage": ill}
            return PrivateState(manifest, name, contacts=table, cell=zero[:0], columns=columns)

        async def client(operators, name):
            transports = [Away(each, away if name == "client-0" else ()) for each in operators.transports(name)]
            joined = await Client.join(manifest, private(name), transports)
            record = RunRecord(joined)
            if name == "client-0":
                states.append(dict(joined.private.state))

            def on_step(step):
                record.observe(step)
                if name == "client-0":
                    states.append(dict(joined.private.state))

            await joined.run(on_step=on_step)
            return record

        async def everybody():
            with operators_of(manifest) as operators:
                return await asyncio.gather(*(client(operators, each.name) for each in manifest.clients))

        record, _ = asyncio.run(everybody())
        record.write(outcomes=tmp_path / "outcomes.csv", series=tmp_path / "series.csv")
        texts = [(tmp_path / f"{name}.csv").read_text() for name in ("outcomes", "series")]
        files = [list(csv.DictReader(text.splitlines())) for text in texts]
        return record, states, *files

    return _recorded
