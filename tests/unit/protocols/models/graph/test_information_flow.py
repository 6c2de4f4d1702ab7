"""Where agents move, what they tell a cell, and hear there, depends on where they are."""

import lpm_secure.models as lpm
from lpm_secure.models.tracer import trace
from protocols.models.graph.agents import GraphModel
from protocols.models.graph.information_flow import flows, sources
from protocols.report.model_report import words_of
from tests.moving_models import Places
from tests.user_models import Crowds


class Follower(lpm.Model):
    """What is told is the same for all; who hears it depends on a secret habit, by way of the place."""

    at = lpm.cell("NORTH", "SOUTH")
    heard_here = lpm.field(0, 9)
    mood = lpm.field(0, 9)
    habit = lpm.private(0, 1)
    seen = lpm.cell_message(most=1)
    talk = lpm.message(most=9)

    def begin(self, me, draw):
        return me.set(at="NORTH", heard_here=0, mood=draw.uniform(0, 10, "mood"))

    def says(self, me):
        return {self.seen: 1, self.talk: me.heard_here}

    def update(self, me, heard, draw):
        return me.set(at=me.habit, heard_here=lpm.clip(heard.cell[self.seen], 0, 9))


def test_a_message_to_a_cell_depends_on_where_its_sender_is_and_on_what_moves_it():
    graph = trace(Follower).graph
    assert flows(graph, "messages")["seen"].fields == ("at",)
    assert sources(graph, "messages", "seen").fields == ("at", "habit")
    assert flows(graph, "update")["heard_here"].fields == ("at",)
    assert sources(graph, "messages", "talk").fields == ("at", "habit", "heard_here")  # never on `mood`


def test_words_say_that_agents_move_and_that_where_to_is_private():
    words = words_of(GraphModel(trace(Places).graph, trace(Places).parameters))
    assert words["cells"] == {"place": "HOME | SHOP | PARK; which of them is private"}
    assert words["messages"]["cough"].startswith(
        "at most 1 to the public total of the cell it is in; depends on health,"
    )
    assert "place" not in words["fields"]
    assert "cells" not in words_of(GraphModel(trace(Crowds).graph, trace(Crowds).parameters))
