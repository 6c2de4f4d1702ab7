"""Opinion by linear thresholds: agents say yes while enough of their neighbours do, and no when these are too few."""

from collections.abc import Mapping

from lpm_secure.models.declarations import Message, Outcome, message, outcome, parameter, private, stage
from lpm_secure.models.functions import maximum, where
from lpm_secure.models.model import Draw, Heard, Me, Model
from lpm_secure.models.symbols import Number
from lpm_secure.models.units import PROBABILITY

LARGEST_DOUBT = 2**20  # weight of contacts


class Opinion(Model):
    """An agent says yes while at least `doubt` of its neighbours do, counted by the weights of contacts.

    A doubt of 0 is that of an instigator, which says yes on its own. Agents reconsider with probability `attention` in
    a step: with 1, all do so at once.

    Who reconsiders makes up its mind alone with probability `wavering`, and says yes then with probability `leaning`.

    Source: Granovetter 1978, Threshold Models of Collective Behavior (American Journal of Sociology 83), in which all
        see all and nobody leaves; here on a network, and both ways. Noise as in Granovsky and Madras 1995, The noisy
        voter model (Stochastic Processes and their Applications 55).
    """

    opinion = stage("NO", "YES")
    doubt = private(0, LARGEST_DOUBT)

    start = parameter(0.3, unit=PROBABILITY)  # of saying yes at first
    attention = parameter(1.0, unit=PROBABILITY)  # of reconsidering in a step
    wavering = parameter(0.0, unit=PROBABILITY)  # of doing so alone
    leaning = parameter(0.5, unit=PROBABILITY)  # of saying yes then

    talk = message(most=1)
    persuasion = outcome(talk, keep=False)

    def begin(self, me: Me, draw: Draw) -> Me:
        """Draw who says yes at first."""
        return me.set(opinion=where(draw.happens(self.start, "start"), "YES", "NO"))

    def says(self, me: Me) -> Mapping[Message, Number]:
        """Tell every neighbour whether the agent says yes."""
        return {self.talk: me.opinion == "YES"}

    def threshold(self, me: Me) -> Mapping[Outcome, Number]:
        """Ask for at least `doubt`, which is more than one less."""
        return {self.persuasion: maximum(me.doubt - 1, 0)}

    def update(self, me: Me, heard: Heard, draw: Draw) -> Me:
        """Follow the neighbours, where the agent reconsiders."""
        persuaded = heard[self.persuasion] | (me.doubt == 0)
        convinced = where(draw.happens(self.wavering, "wavering"), draw.happens(self.leaning, "leaning"), persuaded)
        reconsiders = draw.happens(self.attention, "attention")
        return me.set(opinion=where(reconsiders, where(convinced, "YES", "NO"), me.opinion))
