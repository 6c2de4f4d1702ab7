"""What a graph says of how parameters act: exponential clocks, and comparisons behind which nothing has a law."""

import lpm_secure as lpm
from lpm_secure.models.library.seir import SeirModel
from lpm_secure.models.library.seirs import Seirs
from lpm_secure.models.tracer import trace
from protocols.models.likelihood.clocks import clocks_of
from protocols.models.likelihood.dependence import Dependence


class Known(SeirModel):
    """Looks at a threshold besides."""

    def update(self, me, heard, draw):
        me = super().update(me, heard, draw)
        return me.set(timer=lpm.where(me.tau > 5, me.timer, 0))


class Drifting(Seirs):
    """Draws a threshold anew at another time than its level begins anew."""

    infection = lpm.outcome(SeirModel.infection.terms, above=SeirModel.tau, threshold="step")

    def update(self, me, heard, draw):
        me = super().update(me, heard, draw)
        return me.restart(self.infection, me.stage == "R")


class Echo(lpm.Model):
    """Adds a parameter to its state, and compares it later."""

    sum = lpm.field(0, 100)
    flag = lpm.stage("NO", "YES")
    gift = lpm.parameter(3, bounds=(0, 5))
    chance = lpm.parameter(0.5, unit=lpm.PROBABILITY)
    wish = lpm.parameter(0.5, unit=lpm.PROBABILITY)

    def begin(self, me, draw):
        return me.set(sum=0, flag="NO")

    def update(self, me, heard, draw):
        one, two = draw.happens(self.wish, "same"), draw.happens(self.wish >> 1, "same")
        flag = lpm.where((me.sum > 50) | draw.happens(self.chance, "flag") | (one & two), "YES", "NO")
        return me.set(sum=lpm.clip(me.sum + self.gift, 0, 100), flag=flag)


def test_a_threshold_is_exponential_only_if_nothing_else_sees_it_and_it_is_new_with_its_level():
    assert set(clocks_of(trace(SeirModel).graph)) == set(clocks_of(trace(Seirs).graph)) == {"infection"}
    assert not clocks_of(trace(Known).graph)
    assert not clocks_of(trace(Drifting).graph)
    assert set(Dependence.of(trace(Known).graph).comparisons) >= {"contact_rate", "cell_rate"}


def test_what_is_compared_by_way_of_the_state_and_what_shares_a_word_has_no_score():
    dependence = Dependence.of(trace(Echo).graph)
    assert dependence.laws >= {"chance", "wish"}
    assert set(dependence.comparisons) == {"gift", "wish"}
    assert dependence.why_not("gift").startswith("acts through a comparison (less")
    assert "one purpose" in dependence.why_not("wish")
    assert dependence.why_not("chance") is None


class Slide(lpm.Model):
    """Is in a stage that a parameter says itself."""

    place = lpm.stage("LOW", "MIDDLE", "HIGH")
    step = lpm.parameter(1, bounds=(0, 2))

    def begin(self, me, draw):
        return me.set(place=0)

    def update(self, me, heard, draw):
        return me.set(place=lpm.minimum(self.step, 2))


def test_whoever_counts_stages_compares():
    assert Dependence.of(trace(Slide).graph).why_not("step") == "acts through a comparison (the stage place)"


class Walkers(lpm.Model):
    """Where somebody goes is a number that parameters move, and a draw; what is heard there decides nothing else."""

    at = lpm.cell("NORTH", "SOUTH", "EAST")
    shift = lpm.parameter(1, bounds=(0, 2))
    walks = lpm.parameter(0.5, unit=lpm.PROBABILITY)
    seen = lpm.cell_message(most=1)
    total = lpm.field(0, 99)

    def begin(self, me, draw):
        return me.set(at="NORTH", total=0)

    def says(self, me):
        return {self.seen: 1}

    def update(self, me, heard, draw):
        at = lpm.where(draw.happens(self.walks, "walks"), lpm.clip(me.at + self.shift, 0, 2), me.at)
        return me.set(at=at, total=lpm.clip(heard.cell[self.seen], 0, 99))


def test_what_says_in_which_cell_an_agent_is_compares():
    dependence = Dependence.of(trace(Walkers).graph)
    assert dependence.why_not("shift") == "acts through a comparison (the cell at)"
    assert dependence.why_not("walks") is None
