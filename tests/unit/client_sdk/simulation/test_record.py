"""What a client takes home: every change of its own agents, what was released, and no success where it was away."""

import csv

import pytest
from pyarrow import parquet

from client_sdk.simulation.record import RunRecord
from lpm_secure.models.tracer import trace
from protocols.errors import ProtocolError
from protocols.models.graph.agents import GraphModel
from tests.epidemics import Stage
from tests.unit.client_sdk.simulation.conftest import AGENTS, STEPS
from tests.user_models import MODELS


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


def test_tables_are_parquet_where_their_names_say_so_and_have_the_same_values(recorded, tmp_path):
    record, _, outcomes, series = recorded(mode="outcome", away=(2,))
    record.write(outcomes=tmp_path / "outcomes.parquet", series=tmp_path / "series.parquet")
    for name, rows in (("outcomes", outcomes), ("series", series)):
        table = parquet.read_table(tmp_path / f"{name}.parquet")
        assert [
            {key: "" if value is None else str(value) for key, value in row.items()} for row in table.to_pylist()
        ] == rows
    assert (table.schema.field("S").type, table["S"].null_count) == ("int64", 1)
    assert (tmp_path / "outcomes.parquet").stat().st_mode & 0o777 == 0o600
