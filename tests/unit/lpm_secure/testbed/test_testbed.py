"""A run of a model by its name: contacts on its channels, private columns in their ranges, and mistakes in one line."""

import msgspec
import numpy as np
import pytest
import torch

from client_sdk import read_private_state
from lpm_secure.config.simulation import Config
from lpm_secure.data.look_alike import look_alike
from lpm_secure.testbed.deployment import write_tables
from lpm_secure.testbed.synthetic import Synthetic, draw_columns
from lpm_secure.testbed.testbed import build
from protocols.errors import ConfigError, ParameterError

DATA = look_alike(1)


def made_of(model, **more):
    given = {"name": "small", "seed": 1, "steps": 3, "private": {"dataset": "look_alike"}, "protocol": {"mode": "sum"}}
    config = msgspec.convert({**given, "model": f"tests.user_models:{model}", **more}, Config)
    return build(config, DATA, ["localhost:1", "localhost:2", "localhost:3"])


def columns(**ranges):
    return {"private": {"dataset": "look_alike", "columns": ranges}}


def test_with_one_channel_every_contact_is_on_it():
    made = made_of("Opinion")
    assert made.manifest.channels == ("talk",)
    assert made.contacts.day.size == DATA.day.size
    assert not made.contacts.channel.any()
    assert made.manifest.max_message == DATA.weight.max()


def test_with_several_channels_every_contact_counts_on_each():
    made = made_of("Averaging")
    assert made.manifest.channels == ("count", "talk")
    assert np.bincount(made.contacts.channel).tolist() == [DATA.day.size] * 2
    assert made.manifest.max_message == 1000 * DATA.weight.max()  # the largest message times the largest weight
    for name in (client.name for client in made.manifest.clients):
        made.private_state(name)  # no client could say more than the manifest allows


def test_on_a_directed_channel_who_met_tell_each_other():
    table = made_of("Banks").contacts
    half = DATA.day.size
    assert table.day.size == 2 * half
    assert np.array_equal(table.a[:half], table.b[half:])
    assert np.array_equal(table.b[:half], table.a[half:])


def test_without_channels_contacts_are_left_out(tmp_path, monkeypatch):
    (tmp_path / "loners.py").write_text(
        "import lpm_secure as lpm\n\n\nclass Loner(lpm.Model):\n    mood = lpm.stage('SAD', 'GLAD')\n\n"
        "    def begin(self, me, draw):\n        return me.set(mood=draw.uniform(0, 2, 'mood'))\n\n"
        "    def update(self, me, heard, draw):\n        return me.set(mood=draw.uniform(0, 2, 'mood'))\n"
    )
    monkeypatch.chdir(tmp_path)
    config = {"name": "loners", "seed": 1, "steps": 3, "private": {"dataset": "look_alike"}, "model": "loners:Loner"}
    sums = msgspec.convert(config | {"protocol": {"mode": "sum"}}, Config)
    made = build(sums, DATA, ["localhost:1", "localhost:2", "localhost:3"])
    assert (made.contacts.day.size, made.manifest.channels) == (0, ())
    with pytest.raises(ParameterError, match="the model has no outcome, so outcome mode has nothing to compare"):
        build(msgspec.convert(config, Config), DATA, [f"localhost:{port}" for port in range(1, 6)])


def test_the_tables_of_people_who_move_have_no_cell(tmp_path):
    made = made_of("Places", cells={"count": 3})
    client = made.manifest.clients[0]
    write_tables(made, client.name, tmp_path)
    assert (tmp_path / "people.csv").read_text().splitlines()[0] == '"agent","habit"'
    read = read_private_state(
        made.manifest, client.name, people=tmp_path / "people.csv", contacts=tmp_path / "contacts.csv"
    )
    own = made.private_state(client.name)
    assert all(np.array_equal(read.state[field], own.state[field]) for field in own.state)


def test_private_columns_are_drawn_from_what_was_asked_for_and_else_from_all_of_their_range():
    narrow, wide = made_of("Banks", **columns(buffer=[3, 5])), made_of("Banks")
    assert set(narrow.columns["buffer"].tolist()) == {3, 4, 5}
    assert wide.columns["buffer"].min() < 20
    assert wide.columns["buffer"].max() > 180
    state = narrow.private_state(narrow.manifest.clients[0].name).state
    assert set(state["buffer"].tolist()) <= {3, 4, 5}


def test_synthetic_agents_have_columns_of_the_same_range_wherever_their_engine_runs():
    more = {"cells": {"count": 2}, "synthetic": {"agents": 50}, **columns(trust=[2, 3])}
    with pytest.raises(
        ParameterError, match=r"there are cells, and agents of .*Opinion tell cells nothing; leave \[cells\] out"
    ):
        made_of("Opinion", **more)
    made = made_of("Opinion", **columns(trust=[2, 3]))
    again = Synthetic.again(msgspec.json.decode(msgspec.json.encode(made.engine_file), type=type(made.engine_file)))
    assert again.columns == {"trust": (2, 3)}
    drawn = draw_columns(made.manifest, np.arange(50, dtype=np.uint64), again.columns)
    assert set(drawn["trust"].tolist()) == {2, 3}
    assert again.agents(made.manifest, torch.device("cpu")).tally().tolist() == [0, 0]


@pytest.mark.parametrize(
    ("ranges", "said"),
    [
        ({"trust": [1, 2]}, r"\[private.columns\] has trust; the model's private columns are: buffer"),
        ({"buffer": [5, 3]}, r"private.columns.buffer is \[5, 3\]; give the lower number first"),
        ({"buffer": [0, 201]}, r"both within \[0, 200\]"),
        ({"buffer": [-1, 3]}, r"both within \[0, 200\]"),
    ],
)
def test_a_column_that_is_none_or_out_of_its_range_is_one_line(ranges, said):
    with pytest.raises(ParameterError, match=said) as caught:
        made_of("Banks", **columns(**ranges))
    assert "\n" not in str(caught.value)


def numbers(**ranges):
    return {"private": {"dataset": "look_alike", "contacts": ranges}}


def test_contacts_own_numbers_are_drawn_from_what_was_asked_for_and_else_from_what_the_model_declares():
    made = made_of("Lenders", **numbers(payment=[1, 2]))
    assert made.manifest.channels == ("payment", "rumour", "talk")
    assert made.manifest.max_message == max(41, 7, 2 * DATA.weight.max())
    of = [made.contacts.weight[made.contacts.channel == channel] for channel in range(3)]
    assert [set(each.tolist()) for each in of[:2]] == [{1, 2}, set(range(6))]
    assert np.array_equal(of[2], DATA.weight)
    there, back = np.split(of[0], 2)
    assert not np.array_equal(there, back)  # each way has a number of its own
    for client in made.manifest.clients:
        made.private_state(client.name)  # no client could say more than the manifest allows


@pytest.mark.parametrize(
    ("ranges", "said"),
    [
        ({"talk": [1, 2]}, r"\[private.contacts\] has talk; the model's channels .* are: payment, rumour"),
        (
            {"payment": [0, 5]},
            r"private.contacts.payment is \[0, 5\]; give the lower number first, both within \[0, 4\]",
        ),
    ],
)
def test_numbers_of_contacts_that_are_none_or_out_of_their_range_are_one_line(ranges, said):
    with pytest.raises(ParameterError, match=said) as caught:
        made_of("Lenders", **numbers(**ranges))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("model", "protocol", "said"),
    [
        ("tests.user_models:Opinion", {"aggregators": 3}, "3 aggregators"),
        ("tests.user_models:Opinion", {"validity": "off"}, "validity"),
    ],
)
def test_an_active_run_that_the_masked_backend_does_not_take_is_refused_in_one_line(model, protocol, said):
    given = {"name": "small", "seed": 1, "steps": 3, "model": model, "protocol": protocol}
    config = msgspec.convert({**given, "private": {"dataset": "look_alike", "security": "active"}}, Config)
    with pytest.raises(ParameterError, match=said) as caught:
        build(config, DATA, [f"localhost:{port}" for port in range(1, config.protocol.addresses + 1)])
    assert "\n" not in str(caught.value)
    assert "the CrypTen backend takes it" in str(caught.value)


def test_an_active_run_that_it_takes_names_no_address_of_another_computation():
    given = {"name": "small", "seed": 1, "steps": 3, "model": "seir"}
    config = msgspec.convert({**given, "private": {"dataset": "look_alike", "security": "active"}}, Config)
    manifest = build(config, DATA, [f"localhost:{port}" for port in range(1, 6)]).manifest
    assert manifest.security == "active"
    assert [party.mpc for party in manifest.aggregators] == [None, None]
    assert manifest.dealer.address == "localhost:5"


def test_agents_that_move_could_all_be_in_each_of_their_cells():
    made = made_of("Places", cells={"count": 3}, synthetic={"agents": 50})
    assert made.manifest.cells == (DATA.people.size + 50,) * 3
    assert made.cell.size == 0
    synthetic = made.synthetic_agents(torch.device("cpu"))
    before = synthetic.state["place"]
    assert set(before.tolist()) == {0, 1, 2}
    synthetic.update(np.zeros(3, dtype=np.int64), step=0)
    assert (synthetic.state["place"] != before).any()
    for cells in ({}, {"count": 2}, {"count": 3, "size": 999}):
        with pytest.raises(ConfigError, match=r"move between the 3 cells of place; set cells.count to 3, and nothing"):
            made_of("Places", cells=cells)
    living = {"agents": 500, "population": "look_alike", "channels": {"call": [{"setting": "household"}]}}
    with pytest.raises(ConfigError, match="agents move between the cells of place, and a population's people stay"):
        made_of("Places", cells={"count": 3}, synthetic=living)
