"""People of one's own files, some of whose states are known: private run == clear run, by clients' files too."""

import asyncio
from pathlib import Path

import numpy as np
import pytest

from client_sdk import read_private_state
from lpm_secure.config.simulation import load
from lpm_secure.gradients.private.tangents import ClearTangents, simulate_tangents, synthetic_part
from lpm_secure.testbed.contacts import contacts_of
from lpm_secure.testbed.deployment import Deployment
from lpm_secure.testbed.testbed import build
from protocols.errors import ConfigError, DataError
from protocols.models.agent_model import UNKNOWN
from protocols.task.release_plan import ReleasePlan

WARD = Path(__file__).parents[3] / "examples" / "ward.toml"
TABLE = WARD.read_text()
GRAPH = (
    TABLE[: TABLE.index("[model]")]
    + 'model = "seirs"\n[parameters]\ncontact_rate = 0.002\n'
    + TABLE[TABLE.index("[private]") :]
)
N = 18
GRADIENT = '[gradient]\nway = "tangents"\nparameters = ["cell_beta"]\n'


def write(folder, text, seed=1, columns="stage,since"):
    """Write a configuration and drawn people of two wards, who meet on some of six days and are known in part."""
    rng = np.random.default_rng(seed)
    lines = [f"person,ward,room,{columns}"]
    for i in range(N):
        stage = rng.choice(["S", "E", "I", "R", "", ""])
        known = {
            "stage": stage,
            "since": "2026-03-01" if stage in {"E", "I"} else "",
            "timer": "3" if stage == "I" else "",
        }
        lines.append(
            f"{i:03},{'north' if i % 2 else 'south'},{i % 3}," + ",".join(known[name] for name in columns.split(","))
        )
    met = {(rng.integers(2, 8), *sorted(rng.choice(N, 2, replace=False))) for _ in range(120)}
    contacts = [
        f"2026-03-0{day}T1{a % 10}:00,2026-03-0{day}T1{a % 10}:30,{a:03},{b:03},{rng.integers(1, 90)}"
        for day, a, b in sorted(met)
    ]
    (folder / "ward").mkdir(exist_ok=True)
    (folder / "ward" / "people.csv").write_text("\n".join(lines) + "\n")
    (folder / "ward" / "contacts.csv").write_text("\n".join(["start,end,a,b,weight", *contacts]) + "\n")
    text = (
        text.replace("agents = 400 ", "agents = 40")
        .replace("steps = 14", "steps = 8")
        .replace("min_cohort = 3", "min_cohort = 2")
    )
    (folder / "ward.toml").write_text(text)
    return load(folder / "ward.toml")


def built(config, data=None):
    return build(
        config, data or contacts_of(config), [f"localhost:{port}" for port in range(1, config.protocol.addresses + 1)]
    )


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        (TABLE, "stage,since"),
        (TABLE.replace("dt = 1.0", "dt = 0.5").replace('"outcome"', '"sum"'), "stage,since"),
        (TABLE.replace("initial", "waning = { mean = 3.0, sd = 1.0 }\ninitial"), "stage,since"),
        (GRAPH, "stage"),
        (GRAPH.replace("dt = 1.0", "dt = 0.5").replace('"outcome"', '"sum"'), "stage,timer"),
    ],
    ids=["table", "half days", "waning", "graph", "graph, half days"],
)
def test_a_private_run_of_own_people_equals_the_clear_run_bit_for_bit(text, columns, tmp_path, run_private, run_clear):
    testbed = built(write(tmp_path, text, columns=columns))
    private, clear = run_private(testbed), run_clear(testbed)
    hidden = {"hazard"} if testbed.manifest.schedule.outcome else set()
    for field in clear.state.keys() - hidden:
        assert np.asarray(private.state[field]).tobytes() == np.asarray(clear.state[field]).tobytes(), field
    assert private.series.hash == clear.series.hash
    known = testbed.columns["stage"] != UNKNOWN
    assert 0 < known.sum() < N
    first = testbed.private_state("north").state["stage"]
    assert (np.asarray(first)[known[: N // 2]] == testbed.columns["stage"][: N // 2][known[: N // 2]]).all()


@pytest.mark.parametrize("text", [TABLE, GRAPH], ids=["table", "graph"])
def test_a_clients_files_are_its_part_of_the_tables(text, tmp_path):
    deployment = Deployment(tmp_path / "run", built(write(tmp_path, text, columns="stage")))
    deployment.write()
    for name in ("north", "south"):
        expected, folder = deployment.testbed.private_state(name), deployment.party(name)
        read = read_private_state(
            deployment.manifest, name, people=folder / "people.csv", contacts=folder / "contacts.csv"
        )
        assert read.cell.tolist() == expected.cell.tolist()
        for field, values in expected.state.items():
            np.testing.assert_array_equal(read.state[field], values)
        everybody = np.ones((N // 2, 2), dtype=np.int64)
        for step in range(deployment.manifest.period):
            np.testing.assert_array_equal(
                read.contacts.add_up(everybody, step=step), expected.contacts.add_up(everybody, step=step)
            )


def test_a_contact_with_a_number_that_both_sides_list_counts_once(tmp_path, run_private, run_clear):
    table = TABLE[TABLE.index("[model]") : TABLE.index("[private]")]
    lenders = TABLE.replace(table, 'model = "tests.user_models:Lenders"\n')
    cells = lenders[lenders.index("[cells]") : lenders.index("[protocol]")]
    rng = np.random.default_rng(3)
    met = {(int(rng.integers(2, 8)), *sorted(rng.choice(N, 2, replace=False).tolist())) for _ in range(150)}
    once = [(day, a, b, int(rng.integers(0, 6))) for day, a, b in sorted(met)]
    series = set()
    for contacts in (once, once + [(day, b, a, number) for day, a, b, number in once]):
        write(tmp_path, lenders.replace(cells, "[private.columns]\ntill = [0, 4]\n"))
        people = [f"{i:03},{'north' if i % 2 else 'south'}" for i in range(N)]
        rows = [f"2026-03-0{day},{a:03},{b:03},rumour,{number}" for day, a, b, number in contacts]
        (tmp_path / "ward" / "people.csv").write_text("\n".join(["person,ward", *people]) + "\n")
        (tmp_path / "ward" / "contacts.csv").write_text("\n".join(["date,a,b,channel,weight", *rows]) + "\n")
        testbed = built(load(tmp_path / "ward.toml"))
        series |= {run_private(testbed).series.hash, run_clear(testbed).series.hash}
    assert len(series) == 1


def test_at_half_days_a_contact_of_an_afternoon_infects_from_noon_on(tmp_path, run_clear):
    config = write(
        tmp_path,
        TABLE.replace("near = 0.004", "near = 900.0")
        .replace("dt = 1.0", "dt = 0.5")
        .replace("cell_beta = 0.05", "cell_beta = 0.0"),
    )
    (tmp_path / "ward" / "people.csv").write_text("person,ward,room,stage\na,x,1,I\nb,y,1,S\n")
    (tmp_path / "ward" / "contacts.csv").write_text("start,end,a,b\n2026-03-03T14:00,2026-03-03T15:00,a,b\n")
    assert run_clear(built(config)).series.of("private", 0).tolist() == [1, 1, 1, 1, 0, 0, 0, 0, 0]


def test_rooms_are_cells_of_those_in_them(tmp_path):
    testbed = built(write(tmp_path, TABLE))
    assert testbed.manifest.cells == (N // 3 + 14,) * 3  # 40 visitors over three rooms
    assert testbed.cell.tolist() == [i % 3 for i in (*range(1, N, 2), *range(0, N, 2))]


MISTAKES = {
    "a client's column that is not there": (('column = "ward"', 'column = "team"'), "has no column team; it needs"),
    "a cell's column that is not there": (('column = "room"', 'column = "bed"'), "has no column bed; it needs"),
    "departments": (('clients = { column = "ward" }', 'clients = "group"'), 'clients = {column = "ward"}'),
    "a data set beside people": (("[private]", '[private]\ndataset = "look_alike"'), "either a dataset"),
    "neither": (('people = "ward/people.csv"', ""), "either a dataset, such as"),
    "contacts of a data set": (('people = "ward/people.csv"', 'dataset = "look_alike"'), "are of your own"),
    "a cell's column beside a count": (("[cells]", "[cells]\ncount = 3"), "cells has a count or a column"),
    "steps that cut no days": (("dt = 1.0", "dt = 0.3"), "dt is 0.3; contacts are of days"),
    "a start in words": (("start = 2026-03-02", 'start = "Monday"'), "private.start"),
    "people that are not there": (("ward/people.csv", "ward/poeple.csv"), "poeple.csv (No such file or directory)"),
    "scores of known states": (("[protocol]", GRADIENT.replace("tangents", "score") + "[protocol]"), "and scores of"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "said"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_one_line(change, said, tmp_path):
    assert change[0] in TABLE
    with pytest.raises((ConfigError, DataError, ValueError)) as caught:
        built(write(tmp_path, TABLE.replace(*change)))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


SUM = TABLE.replace('"outcome"', '"sum"')


def test_tangents_begin_where_people_are_known_to_be(tmp_path):
    testbed = built(write(tmp_path, SUM.replace("[protocol]", f"{GRADIENT}[protocol]")))
    run = simulate_tangents(
        testbed.manifest.relaxation, ReleasePlan.of(testbed.manifest), ClearTangents(testbed), synthetic_part(testbed)
    )
    known = testbed.columns["stage"]
    counts = np.bincount(known[known != UNKNOWN], minlength=4)
    assert counts.sum() > 0
    assert (asyncio.run(run).value[0, 0] >= counts - 1e-6).all()


SCORE = SUM.replace("[protocol]", '[gradient]\nway = "score"\nparameters = ["beta.near"]\n[protocol]')


@pytest.mark.parametrize(
    ("text", "column", "said"),
    [
        (SCORE, "stage", "column stage: it is known, and scores of the table [model] take"),
        (SCORE, "since", "column since: it is known, and scores of the table [model] take"),
        (
            SCORE,
            "susceptibility",
            "column susceptibility: scores of the table [model] are of people who are all alike",
        ),
        (
            SCORE.replace('"score"', '"tangents"\nstays = "exact"'),
            "since",
            "column since: it is known, and exact stays",
        ),
    ],
)
def test_what_derivatives_of_the_table_do_not_take_is_one_line_whatever_carries_it(text, column, said, tmp_path):
    config = write(tmp_path, text)
    people = tmp_path / "ward" / "people.csv"
    value = {"stage": "I", "since": "2026-03-01", "susceptibility": "0.5"}[column]
    rows = [f"{i:03},{'north' if i % 2 else 'south'},1,{value if i == 5 else ''}" for i in range(N)]
    people.write_text("\n".join([f"person,ward,room,{column}", *rows]) + "\n")
    with pytest.raises(ConfigError) as caught:
        contacts_of(config)
    assert str(caught.value).startswith(f"{people}, row 7, {said}")
    assert "\n" not in str(caught.value)
    people.write_text("\n".join(["person,ward,room", *(row.rpartition(",")[0] for row in rows)]) + "\n")
    assert built(config).manifest.gradient.way in text


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (("A b", "a-b"), "would both be the client a-b"),
        (("!", "x"), "no client can be called"),
        (("Engine", "x"), "no client can be called"),
    ],
)
def test_a_client_needs_a_name_of_its_own(values, said, tmp_path):
    config = write(tmp_path, TABLE)
    (tmp_path / "ward" / "people.csv").write_text(
        "person,ward,room\n" + "".join(f"00{i},{v},1\n" for i, v in enumerate(values))
    )
    (tmp_path / "ward" / "contacts.csv").write_text("date,a,b\n")
    with pytest.raises(ConfigError, match=said):
        built(config)


def test_known_stages_of_data_without_tables_are_refused_by_the_configuration(tmp_path):
    data = contacts_of(write(tmp_path, TABLE))
    with pytest.raises(DataError, match=r"agent [0-9]+: column stage: it is known, and scores of the table"):
        built(write(tmp_path, SCORE), data)
