"""The card of a population: what it says is covered by its checksum."""

import json

import pytest

from lpm_secure.populations.card import NAME, Card, Column, Marginal
from protocols.errors import DataError


@pytest.fixture
def card(tmp_path):
    made = Card(
        title="a village",
        agents=3,
        seed=1,
        versions={"numpy": "2"},
        data={},
        notes=["drawn"],
        columns={"age": Column("uint8", 3, "0" * 64, "years")},
        places={},
        settings={},
        counts={"people": 3},
        marginals=[],
        series={},
        rate=[[1, 2]],
        contacts=[],
    )
    made.write(tmp_path)
    return tmp_path


def test_a_card_is_read_as_it_was_written(card):
    read = Card.read(card)
    assert (read.title, read.agents, read.rate) == ("a village", 3, [[1.0, 2.0]])
    assert read.sha256 == read.digest()


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [("agents", 4, "was changed"), ("format", 2, "has format 2; this version reads 1"), ("more", 1, "is no card")],
)
def test_another_card_is_refused(card, key, value, why):
    content = json.loads((card / NAME).read_text())
    (card / NAME).write_text(json.dumps(content | {key: value}))
    with pytest.raises(DataError, match=why):
        Card.read(card)


def test_a_folder_without_a_card_is_no_population(tmp_path):
    with pytest.raises(DataError, match="is no population"):
        Card.read(tmp_path)


@pytest.mark.parametrize(("error", "allowed", "held"), [(0.1, 0.1, True), (0.2, 0.1, False), (9.0, None, True)])
def test_a_promise_is_kept_or_only_told(error, allowed, held):
    assert Marginal("sizes", 3, error, 0.0, "share", allowed).held is held
