"""People hold an opinion while more than their private share of their contacts does."""

import lpm_secure as lpm


class OfficeOpinion(lpm.Model):
    """Some say YES at first; whoever thinks it over says what enough of its contacts say."""

    opinion = lpm.stage("NO", "YES")
    doubt = lpm.private(0, 99)  # percent of a person's contacts that have to say YES: a column of people.csv
    share = lpm.private(1, 100)  # percent of a person's contacts of a day that 20 seconds are: another one
    start = lpm.parameter(0.3, unit=lpm.PROBABILITY)  # of saying YES at first
    attention = lpm.parameter(0.5, unit=lpm.PROBABILITY)  # of thinking it over on a day

    talk = lpm.message(most=1)
    yes = lpm.outcome(talk, above=doubt, keep=False)
    reluctant = lpm.observable(0, 1)

    def begin(self, me, draw):
        """Say YES with probability `start`."""
        return me.set(opinion=lpm.where(draw.happens(self.start, "start"), "YES", "NO"))

    def says(self, me):
        """Tell every contact whether one says YES."""
        return {self.talk: me.opinion == "YES"}

    def weight(self, me):
        """Count each 20 seconds as the share of one's contacts that they are."""
        return {self.yes: me.share}

    def update(self, me, heard, draw):
        """Follow one's contacts, where one thinks it over."""
        followed = lpm.where(heard[self.yes], "YES", "NO")
        return me.set(opinion=lpm.where(draw.happens(self.attention, "attention"), followed, me.opinion))

    def totals(self, me):
        """Count those who say YES, and would not if they met a few people less."""
        return {self.reluctant: (me.opinion == "YES") & (me.doubt >= 50)}
