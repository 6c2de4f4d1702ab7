"""Illness in a workplace that closes while many are ill, by a rule that sees nothing but released totals."""

import lpm_secure as lpm


class Office(lpm.Model):
    """Who has met enough ill colleagues falls ill; while the office is closed, nobody meets anybody there."""

    health = lpm.stage("WELL", "ILL", "BACK")
    tolerance = lpm.field(0, 1000)  # drawn once; nobody else ever learns it
    home = lpm.field(0, 1)
    closure = lpm.public(0, 1)  # the environment announces it to all, in every step
    first = lpm.parameter(0.05, unit=lpm.PROBABILITY)
    recovery = lpm.parameter(0.2, unit=lpm.PROBABILITY)
    meeting = lpm.message(most=1)
    infection = lpm.outcome(meeting, above=tolerance)

    def begin(self, me, draw):
        """Draw who is ill at first, and how much each bears."""
        ill = draw.happens(self.first, "first")
        return me.set(health=lpm.where(ill, "ILL", "WELL"), tolerance=draw.uniform(0, 60, "tolerance"), home=0)

    def says(self, me):
        """Tell everybody whom one meets in the office whether one is ill."""
        return {self.meeting: (me.health == "ILL") & (me.home == 0)}

    def update(self, me, heard, draw):
        """Fall ill, or recover; and stay at home while the office is closed."""
        falls = heard[self.infection] & (me.health == "WELL")
        back = (me.health == "ILL") & draw.happens(self.recovery, "recovery")
        health = lpm.where(falls, "ILL", lpm.where(back, "BACK", me.health))
        return me.set(health=health, home=heard[self.closure])
