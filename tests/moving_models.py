"""Models as users would write them, whose people move between cells by a small integer network."""

import lpm_secure as lpm


class Places(lpm.Model):
    """People move between places by a small integer network of what they feel, and an illness spreads in each place.

    Where somebody is, is a field of its state; the ill of a place are its total, and nobody counts who is there. Who
    falls ill calls its friends.
    """

    health = lpm.stage("WELL", "ILL", "IMMUNE")
    place = lpm.cell("HOME", "SHOP", "PARK")
    fear = lpm.field(0, 15)
    nerve = lpm.field(0, 6)
    habit = lpm.private(0, 2)  # the place that somebody likes best
    start = lpm.parameter(0.3, unit=lpm.PROBABILITY)
    catching = lpm.parameter(0.1, unit=lpm.PROBABILITY)  # in a step, for each of the ill of a place
    recovery = lpm.parameter(0.3, unit=lpm.PROBABILITY)
    cough = lpm.cell_message(most=1)
    call = lpm.message(most=1)
    news = lpm.outcome(call, above=nerve, keep=False)
    inner = lpm.table(3, -2, 1, -4, 2, -1)  # by unit: fear, illness, bias
    outer = lpm.table(3, -1, -2, 2, 1, 3)  # by place, then by unit

    def begin(self, me, draw):
        return me.set(
            health=lpm.where(draw.happens(self.start, "start"), "ILL", "WELL"),
            place=draw.uniform(0, 3, "place"),
            fear=draw.uniform(0, 8, "fear"),
            nerve=draw.uniform(0, 7, "nerve"),
        )

    def says(self, me):
        return {self.cough: me.health == "ILL", self.call: me.health == "ILL"}

    def update(self, me, heard, draw):
        ill = lpm.clip(heard.cell[self.cough], 0, 40)
        caught = draw.happens(lpm.clip(self._catching(heard) * ill, 0, 2**32), "caught")
        gone = draw.happens(self.recovery, "recovery")
        well = lpm.where(caught, "ILL", "WELL")
        health = lpm.where(me.health == "WELL", well, lpm.where(gone, "IMMUNE", me.health))
        fear = lpm.clip(me.fear - 1 + lpm.minimum(ill, 4) + 3 * heard[self.news], 0, 15)
        return me.set(health=health, fear=fear, place=self._policy(me, ill, draw))

    def _catching(self, heard):
        return self.catching

    def _policy(self, me, ill, draw):
        """Go to where the network's output, with a private habit and a whim, is largest."""
        units = [
            lpm.maximum(self.inner[3 * u] * me.fear + self.inner[3 * u + 1] * ill + 4 * self.inner[3 * u + 2], 0)
            for u in range(2)
        ]
        wish = [
            sum(self.outer[2 * p + u] * units[u] for u in range(2)) // 16
            + lpm.where(me.habit == p, 5, 0)
            + draw.uniform(0, 12, f"whim_{p}")
            for p in range(3)
        ]
        far = lpm.where(wish[2] > wish[1], "PARK", "SHOP")
        return lpm.where(wish[0] >= lpm.maximum(wish[1], wish[2]), "HOME", far)


class Density(Places):
    """The same where many are less in each other's way: by the share of a place's people that is ill."""

    here = lpm.cell_message(most=1)
    noise = lpm.cell_message(most=9)
    bored = lpm.stage("NO", "YES")
    loudest = lpm.observable(0, 60)
    heard_noise = lpm.field(0, 60)

    def begin(self, me, draw):
        return super().begin(me, draw).set(bored="NO", heard_noise=0)

    def says(self, me):
        return super().says(me) | {self.here: 1, self.noise: lpm.where(me.bored == "YES", 9 - me.fear // 2, 0)}

    def totals(self, me):
        return {self.loudest: me.heard_noise}

    def _catching(self, heard):
        return lpm.ratio(self.catching, 6, lpm.maximum(heard.cell[self.here], 1))

    def update(self, me, heard, draw):
        alone = heard.cell[self.here] < 3
        noise = lpm.clip(heard.cell[self.noise], 0, 60)
        return super().update(me, heard, draw).set(bored=lpm.where(alone, "YES", "NO"), heard_noise=noise)
