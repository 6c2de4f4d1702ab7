"""What a client takes home: every change of its own agents, what was released, and no success where it was away."""

import asyncio
import csv

import numpy as np
import pytest

from client_sdk import Client, ContactTable, PrivateState
from client_sdk.simulation.record import RunRecord
from lpm_secure.models.tracer import trace
from protocols.errors import ProtocolError, RoundClosed
from protocols.models.graph.agents import GraphModel
from protocols.task.layout import Layout
from protocols.wire.messages import Share
from protocols.wire.transport import Transport
from tests.epidemics import Stage
from tests.user_models import MODELS

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


def replayed(rows, field, steps):
    """Return what the rows of changes say that a field was of each agent after each step."""
    now, found = {}, []
    for step in range(steps + 1):
        now |= {row["agent"]: row[field] for row in rows if int(row["step"]) == step}
        found.append([now[str(agent)] for agent in AGENTS[0]])
    return found


@pytest.mark.parametrize("mode", ["sum", "outcome"])
def test_changes_of_own_agents_say_all_stages_and_outcomes(recorded, mode):
    record, states, outcomes, series = recorded(mode=mode)
    assert outcomes[0].keys() == {"step", "agent", "infection", "stage"}
    expected = [[Stage(stage).name for stage in state["stage"].tolist()] for state in states[: STEPS + 1]]
    assert replayed(outcomes, "stage", STEPS) == expected
    assert len({tuple(row) for row in expected}) > 1
    bits = replayed(outcomes, "infection", STEPS)
    assert {bit for row in bits[1:] for bit in row} <= {"0", "1", ""}
    assert len(outcomes) < 3 * (STEPS + 1)
    record.require_present(0)
    assert [row["step"] for row in series] == [str(step) for step in range(STEPS + 1)]
    assert all(sum(int(row[stage.name]) for stage in Stage) == 5 for row in series)


def test_stages_and_outcomes_have_the_models_names(recorded):
    traced = trace(MODELS["opinion"])
    model = GraphModel(traced.graph, traced.parameters)
    _, states, outcomes, series = recorded(model=model, channels=model.contact_channels, mode="outcome")
    names = model.agents.columns
    labels = next(spec.names for spec in names if spec.name == "opinion")
    assert replayed(outcomes, "opinion", STEPS) == [
        [labels[value] for value in state["opinion"].tolist()] for state in states[: STEPS + 1]
    ]
    assert set(labels) <= series[0].keys()


def test_of_a_step_that_was_missed_nothing_is_said_that_was_not_told(recorded):
    record, states, outcomes, series = recorded(mode="sum", away=(2, 3))
    assert [row["S"] == "" for row in series] == [step in {2, 3} for step in range(STEPS + 1)]
    assert all(row["infection"] == "" for row in outcomes if row["step"] in {"3", "4"})
    assert replayed(outcomes, "stage", STEPS)[-1] == [Stage(stage).name for stage in states[-1]["stage"].tolist()]
    with pytest.raises(ProtocolError, match=r"missed 2 of 6 steps, and may miss 1: .* or more in max_missed$"):
        record.require_present(None)
    record.require_present(2)


def test_files_can_be_read_by_their_owner_alone_and_a_record_prints_nothing(recorded, tmp_path):
    record, *_ = recorded(mode="sum")
    assert all((tmp_path / name).stat().st_mode & 0o777 == 0o600 for name in ("outcomes.csv", "series.csv"))
    assert repr(record) == "RunRecord()"


def test_a_client_that_comes_late_notes_how_its_agents_are_then(recorded, tmp_path):
    """Its files replay the stages of its agents from that step on, as any client's do."""
    record, states, _, _ = recorded(mode="sum")
    RunRecord(record.client).write(outcomes=tmp_path / "late.csv", series=tmp_path / "late_series.csv")
    rows = list(csv.DictReader((tmp_path / "late.csv").read_text().splitlines()))
    assert [row["agent"] for row in rows] == [str(agent) for agent in AGENTS[0]]
    assert {(row["step"], row["infection"]) for row in rows} == {(str(STEPS + 1), "")}
    assert [row["stage"] for row in rows] == [Stage(stage).name for stage in states[-1]["stage"].tolist()]
