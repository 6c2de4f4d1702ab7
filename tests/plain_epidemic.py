"""S-E-I-R(-S) on numpy, by nothing but draws of `protocols.arithmetic`: what the library's graphs must equal."""

import numpy as np

from protocols.arithmetic import distributions
from protocols.arithmetic.philox import DrawPurpose, philox, words

S, E, I, R = range(4)  # noqa: E741 - the field's letters
NEVER = 2**15 - 1
FULL = 256
SPELL_KEY = 0x7370656C6C000000
STAYS = {"latent": DrawPurpose.LATENT, "infectious": DrawPurpose.INFECTIOUS, "waning": DrawPurpose.WANING}


def days(word, law):
    """Return `d + 1` with probability `law[d] / 2**32`."""
    return np.searchsorted(np.cumsum(law[:-1]), (word >> np.uint64(32)).astype(np.int64), side="right") + 1


class PlainEpidemic:
    """n agents of a table's whole numbers; `state` is int64[n] of each field, `level` of the hazard so far."""

    def __init__(self, table, agents, key, scale=1.0):
        self.table, self.doses = table, dict(table.doses)
        self._seed, self._scale = words(key, agents, DrawPurpose.SEED), scale
        self._unit = 2.0**table.f * (FULL if self.doses else 1)
        self._laws = {name: law for name in STAYS if (law := getattr(table, name))}
        drawn = {name: days(words(key, agents, STAYS[name]), law) for name, law in self._laws.items()}
        ill = (words(key, agents, DrawPurpose.INITIAL) >> np.uint64(32)) < np.uint64(table.initial)
        timer = np.where(ill, drawn["infectious"], 0)
        tau = self._tau(words(key, agents, DrawPurpose.THRESHOLD))
        self.state = {"stage": np.where(ill, I, S), "timer": timer, "tau": tau, **drawn}
        self.level, self._spell = np.zeros(agents.size, dtype=np.int64), np.zeros(agents.size, dtype=np.uint64)
        if self.doses:
            word = words(key, agents, DrawPurpose.DOSE)
            day = self.doses["first"] + ((word & np.uint64(2**32 - 1)).astype(np.int64) * self.doses["days"] >> 32)
            self.state["vaccine"] = np.where((word >> np.uint64(32)) < self.doses["coverage"], day, NEVER)

    def says(self):
        return (self.state["stage"] == I).astype(np.int64)

    def tally(self):
        return np.bincount(self.state["stage"], minlength=4)

    def update(self, contact, pressure):
        """Move on: `contact` is int64[n, c], and `pressure` the hazard of cells."""
        s = {name: values.copy() for name, values in self.state.items()}
        waiting = (s["stage"] == E) | (s["stage"] == I)
        s["timer"] -= waiting
        due = waiting & (s["timer"] == 0)
        s["timer"] = np.where(due & (s["stage"] == E), s["infectious"], s["timer"])
        s["stage"] += due
        weight = np.where(s["vaccine"] == 0, self.doses["left"], FULL) if self.doses else 1
        self.level = self.level + (contact @ np.array(self.table.beta) + pressure) * weight
        infected = (s["stage"] == S) & (self.level > s["tau"])
        s["stage"] += infected
        s["timer"] = np.where(infected, s["latent"], s["timer"])
        if self.doses:
            s["vaccine"] -= (s["vaccine"] > 0) & (s["vaccine"] < NEVER)
        self.state = self._wane(s) if self.table.waning else s

    def _wane(self, s):
        recovered = s["stage"] == R
        begins = recovered & (s["timer"] == 0)
        s["timer"] = np.where(begins, s["waning"], s["timer"] - (recovered & ~begins))
        returns = recovered & ~begins & (s["timer"] == 0)
        s["stage"] = np.where(returns, S, s["stage"])
        self.level = np.where(returns, 0, self.level)
        self._spell += returns.astype(np.uint64)
        for name, law in self._laws.items():
            s[name] = np.where(returns, days(self._later(STAYS[name]), law), s[name])
        s["tau"] = np.where(returns, self._tau(self._later(DrawPurpose.THRESHOLD)), s["tau"])
        return s

    def _later(self, purpose):
        zero = np.zeros_like(self._seed)
        return philox((SPELL_KEY, 0), (self._seed, np.full_like(self._seed, int(purpose)), self._spell, zero))[0]

    def _tau(self, word):
        return np.rint(distributions.exponential(word) * self._scale * self._unit).astype(np.int64)
