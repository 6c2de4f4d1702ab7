"""Frames and graphs become files that this user alone reads, and that go with the simulation."""

import gc

import networkx
import pytest

from lpm_secure.scenario.own_tables import OwnFolder, graph_tables, tables_of
from protocols.errors import DataError


def test_frames_are_files_of_this_user_alone_that_go_when_nothing_needs_them():
    folder = OwnFolder()
    people, contacts = tables_of({"person": ["a"]}, None, folder)
    assert contacts is None
    path = folder.path
    assert path.stat().st_mode & 0o777 == 0o700
    assert (path / "people.parquet").stat().st_mode & 0o777 == 0o600
    assert people == str(path / "people.parquet")
    del folder
    gc.collect()
    assert not path.exists()


def test_a_graph_is_people_with_attributes_and_contacts_of_every_step():
    graph = networkx.DiGraph()
    graph.add_node(1, age=3)
    graph.add_edge(1, 2, weight=5)
    people, contacts = graph_tables(graph)
    assert people == {"person": ["1", "2"], "age": [3, None]}
    assert contacts == {"a": ["1"], "b": ["2"], "weight": [5], "day": [0]}
    graph.edges[1, 2]["date"] = "2026-03-02"
    assert "day" not in graph_tables(graph)[1]


def test_what_is_no_frame_is_refused():
    with pytest.raises(DataError, match="cannot read a int"):
        tables_of(3, None, OwnFolder())
