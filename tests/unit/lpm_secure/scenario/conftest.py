"""Simulations that take a moment: a model of this file, as a notebook has one, over made up people."""

import pytest

import lpm_secure as lpm


class Rumour(lpm.Model):
    mind = lpm.stage("UNAWARE", "AWARE")
    patience = lpm.field(0, 400)
    start = lpm.parameter(0.1, unit=lpm.PROBABILITY)
    closed = lpm.parameter(0, bounds=(0, 1))
    talk = lpm.message(most=1)
    enough = lpm.outcome(talk, above=patience)

    def begin(self, me, draw):
        knows = draw.happens(self.start, "start")
        return me.set(mind=lpm.where(knows, "AWARE", "UNAWARE"), patience=draw.uniform(0, 10, "patience"))

    def says(self, me):
        return {self.talk: (me.mind == "AWARE") & (self.closed == 0)}

    def update(self, me, heard, draw):
        return me.set(mind=lpm.where(heard[self.enough], "AWARE", me.mind))


PEOPLE = {"person": [f"p{n}" for n in range(30)]}
CONTACTS = {"a": [f"p{n}" for n in range(29)], "b": [f"p{n + 1}" for n in range(29)], "day": [0] * 29}


@pytest.fixture(scope="session")
def rumour():
    """Return a simulation of a model that no import gives, over frames."""
    return lpm.Simulation(model=Rumour, people=PEOPLE, contacts=CONTACTS, steps=6)


@pytest.fixture(scope="session")
def result(rumour):
    """Return its result over three seeds."""
    return rumour.run(seeds=3)
