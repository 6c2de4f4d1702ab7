"""Who works at home in a city: people follow their colleagues and the others at home."""

import lpm_secure as lpm


class HomeOffice(lpm.Model):
    """A grown-up who thinks it over works at home if enough colleagues do; each of the family counts as a quarter."""

    work = lpm.stage("OFFICE", "HOME")
    age = lpm.private(0, 120)  # a column of the population
    doubt = lpm.private(0, 100)  # percent of colleagues; no column of it, so it is drawn
    start = lpm.parameter(0.1, unit=lpm.PROBABILITY)  # of working at home at first
    attention = lpm.parameter(0.3, unit=lpm.PROBABILITY)  # of thinking it over on a day
    closed = lpm.public(0, 1)  # whether offices are

    colleagues = lpm.message(most=1)
    family = lpm.message(most=1)
    enough = lpm.outcome({colleagues: 1, family: 25}, above=doubt, keep=False)
    pensioners = lpm.observable(0, 1)

    def begin(self, me, draw):
        """Work at home with probability `start`."""
        return me.set(work=lpm.where(draw.happens(self.start, "start"), "HOME", "OFFICE"))

    def says(self, me):
        """Tell colleagues and family whether one works at home."""
        home = me.work == "HOME"
        return {self.colleagues: home, self.family: home}

    def update(self, me, heard, draw):
        """Follow the others, where one thinks it over; nobody goes to an office that is closed."""
        home = lpm.where(heard[self.enough] | (heard[self.closed] == 1), "HOME", "OFFICE")
        thinks = (me.age >= 18) & draw.happens(self.attention, "attention")
        return me.set(work=lpm.where(thinks, home, me.work))

    def totals(self, me):
        """Count those at home who are too old to work."""
        return {self.pensioners: (me.work == "HOME") & (me.age >= 65)}
