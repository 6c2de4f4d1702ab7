"""Models as users would write them, none of which is in the library: what whole runs of any model are tested with."""

import lpm_secure as lpm
from tests.moving_models import Density, Places


class Opinion(lpm.Model):
    """An agent says yes while more than its private share of its weighted neighbours does; it may change its mind."""

    opinion = lpm.stage("NO", "YES")
    doubt = lpm.field(0, 60)
    trust = lpm.private(0, 9)
    start = lpm.parameter(0.3, unit=lpm.PROBABILITY)
    talk = lpm.message(most=1)
    yes = lpm.outcome(talk, above=doubt, keep=False)

    def begin(self, me, draw):
        return me.set(
            opinion=lpm.where(draw.happens(self.start, "start"), "YES", "NO"), doubt=draw.uniform(0, 60, "doubt")
        )

    def says(self, me):
        return {self.talk: me.opinion == "YES"}

    def weight(self, me):
        return {self.yes: me.trust}

    def update(self, me, heard, draw):
        return me.set(opinion=lpm.where(heard[self.yes], "YES", "NO"))


class Averaging(lpm.Model):
    """DeGroot: an agent moves towards what it hears; it learns the exact sum, and a total may be negative."""

    level = lpm.field(0, 1000)
    side = lpm.stage("LOW", "MIDDLE", "HIGH")
    talk = lpm.message(most=1000)
    count = lpm.message(most=1)
    sum_heard = lpm.outcome(talk, reveals="sum", keep=False)
    heard_from = lpm.outcome(count, reveals="sum", keep=False)
    above_mean = lpm.observable(-500, 500)

    def begin(self, me, draw):
        return self._placed(me.set(level=draw.uniform(0, 1001, "level"), side="LOW"))

    def _placed(self, me):
        side = lpm.where(me.level < 300, "LOW", lpm.where(me.level < 700, "MIDDLE", "HIGH"))
        return me.set(side=side)

    def says(self, me):
        return {self.talk: me.level, self.count: 1}

    def totals(self, me):
        return {self.above_mean: me.level - 500}

    def update(self, me, heard, draw):
        mean = heard[self.sum_heard] // lpm.maximum(heard[self.heard_from], 1)
        some = heard[self.heard_from] > 0
        moved = lpm.where(some, (3 * me.level + lpm.clip(mean, 0, 1000)) // 4, me.level)
        return self._placed(me.set(level=lpm.clip(moved, 0, 1000)))


class Banks(lpm.Model):
    """A bank fails when what failed debtors owe it exceeds its private buffer; contacts go from debtor to creditor."""

    state = lpm.stage("SOUND", "FAILED")
    buffer = lpm.private(0, 200)
    shock = lpm.parameter(0.2, unit=lpm.PROBABILITY)
    loss = lpm.message(most=1, directed=True)
    ruin = lpm.outcome({loss: 3}, above=buffer)
    lost = lpm.observable(0, 200)
    news = lpm.field(0, 1)

    def begin(self, me, draw):
        hit = draw.happens(self.shock, "shock")
        return me.set(state=lpm.where(hit, "FAILED", "SOUND"), news=lpm.where(hit, 1, 0))

    def says(self, me):
        return {self.loss: me.news}

    def totals(self, me):
        return {self.lost: lpm.where(me.state == "FAILED", me.buffer, 0)}

    def update(self, me, heard, draw):
        fails = heard[self.ruin] & (me.state == "SOUND")
        return me.set(state=lpm.where(fails, "FAILED", me.state), news=lpm.where(fails, 1, 0))


class Crowds(lpm.Model):
    """Two channels through cells and one along contacts: people leave a crowded place, by a small integer network."""

    where = lpm.stage("HOME", "OUT")
    mood = lpm.field(-8, 8)
    ill = lpm.stage("WELL", "ILL")
    hazard = lpm.field(0, 37 << 16)
    catches = lpm.parameter(0.4, unit=lpm.rate(16))
    nearby = lpm.parameter(0.02, unit=lpm.rate(16))
    noise = lpm.cell_message(most=3)
    breath = lpm.cell_message(most=1)
    touch = lpm.message(most=1)
    infection = lpm.outcome({breath: catches, touch: nearby}, above=hazard, threshold="restart")

    def begin(self, me, draw):
        return me.set(
            where=lpm.where(draw.happens(2**31, "out"), "OUT", "HOME"),
            mood=draw.uniform(-8, 9, "mood"),
            ill=lpm.where(draw.happens(2**30, "ill"), "ILL", "WELL"),
            hazard=draw.exponential(16, "hazard"),
        )

    def says(self, me):
        out = me.where == "OUT"
        ill = (me.ill == "ILL") & out
        return {self.noise: lpm.where(out, lpm.clip(me.mood, 0, 3), 0), self.breath: ill, self.touch: ill}

    def update(self, me, heard, draw):
        loud = lpm.clip(heard.cell[self.noise], 0, 50)
        hidden = lpm.clip((2 * me.mood - loud + draw.uniform(-4, 5, "whim")) >> 1, -8, 8)
        mood = lpm.clip(hidden + lpm.table(1, 0, -1)[lpm.clip(loud // 10, 0, 2)], -8, 8)
        recovers = (me.ill == "ILL") & draw.happens(2**30, "recovers")
        falls = (me.ill == "WELL") & heard[self.infection]
        return me.set(
            where=lpm.where(mood > 0, "OUT", "HOME"),
            mood=mood,
            ill=lpm.where(recovers, "WELL", lpm.where(falls, "ILL", me.ill)),
            hazard=lpm.where(recovers, draw.exponential(16, "again"), me.hazard),
        ).restart(self.infection, recovers)


class Cheapest(lpm.Model):
    """An agent takes the lowest price that is offered near it: a minimum over public levels, by a bit for each."""

    price = lpm.stage("P0", "P1", "P2")
    none = lpm.private(0, 0)
    keen = lpm.private(0, 1)
    at0, at1 = lpm.message(most=1), lpm.message(most=1)
    any0 = lpm.outcome(at0, above=none, keep=False, threshold="step")
    any1 = lpm.outcome({at0: 1, at1: 1}, above=none, keep=False, threshold="step")

    def begin(self, me, draw):
        return me.set(price=draw.uniform(0, 3, "price"))

    def says(self, me):
        return {self.at0: me.price == "P0", self.at1: me.price == "P1"}

    def weight(self, me):
        return {self.any1: me.keen}

    def update(self, me, heard, draw):
        lowest = lpm.where(heard[self.any0], 0, lpm.where(heard[self.any1], 1, 2))
        follows = draw.happens(3 << 30, "follows")
        return me.set(price=lpm.where(follows, lowest, lpm.minimum(2, me.price + 1)))


class Seasons(lpm.Model):
    """How contagious an illness is depends on ward, age and week; its length on the age, and the dice on both."""

    state = lpm.stage("WELL", "ILL")
    left = lpm.field(0, 3)
    bears = lpm.field(0, 40)
    ward = lpm.private(0, 1)
    age = lpm.private(3, 5)
    week = lpm.period("week", steps=2, count=3)
    spread = lpm.parameter({"age": (1, 2, 4)}, bounds=(0, 5), by=("ward", "age"))
    season = lpm.parameter((4, 0, 3), bounds=(0, 4), over=week)
    falls = lpm.parameter(
        ((0.1, 0.2, 0.0), (0.3, 0.0, 0.4), (0.5, 0.1, 0.1)), unit=lpm.PROBABILITY, by="age", over=week
    )
    stay = lpm.parameter(((2**31, 2**31), (2**32,), (0, 0, 2**32)), unit=lpm.LAW, by="age")
    breath = lpm.message(most=20)
    caught = lpm.outcome(breath, above=bears, keep=False, threshold="once")

    def begin(self, me, draw):
        return self._fallen(me.set(state="WELL", left=0, bears=draw.uniform(0, 41, "bears")), draw, me.ward == 1)

    def says(self, me):
        return {self.breath: lpm.where(me.state == "ILL", self.spread * self.season, 0)}

    def _fallen(self, me, draw, falls):
        stay = draw.days(self.stay, "stay")
        return me.set(state=lpm.where(falls, "ILL", me.state), left=lpm.where(falls, stay, me.left))

    def update(self, me, heard, draw):
        left = lpm.maximum(me.left - 1, 0)
        falls = (me.state == "WELL") & (heard[self.caught] | draw.happens(self.falls, "falls"))
        me = me.set(state=lpm.where(left == 0, "WELL", me.state), left=left)
        return self._fallen(me, draw, falls)


class Lenders(lpm.Model):
    """What a contact carries depends on both ends of it: on the sender's state and on the contact's own number.

    A debtor pays each creditor what it owes it, as far as it can, in steps of a tenth; contacts go from debtor to
    creditor. Along other contacts, which have no direction, strain is as far away as these are weak.
    """

    strain = lpm.stage("CALM", "TIGHT", "BROKE")
    till = lpm.private(0, 30)
    nerve = lpm.field(0, 12)
    payment = lpm.message(most=41, directed=True, along=(0, 4))
    rumour = lpm.message(most=7, along=(0, 5))
    talk = lpm.message(most=2)
    income = lpm.outcome(payment, above=till, keep=False)
    worry = lpm.outcome({rumour: 1, talk: 2}, above=nerve)

    def begin(self, me, draw):
        return me.set(strain=draw.uniform(0, 3, "strain"), nerve=draw.uniform(0, 13, "nerve"))

    def says(self, me):
        return {self.talk: me.strain}

    def along(self, me, edge):
        tenths = lpm.table(10, 6, 1)[me.strain]
        far = lpm.maximum(me.strain * 3 - edge[self.rumour], 0)
        paid = edge[self.payment] * tenths + (me.strain == "TIGHT")
        return {self.payment: paid, self.rumour: far + (edge[self.rumour] == 0)}

    def update(self, me, heard, draw):
        paid = lpm.where(heard[self.income], lpm.maximum(me.strain - 1, 0), lpm.minimum(me.strain + 1, 2))
        return me.set(strain=lpm.where(heard[self.worry] & draw.happens(self._panic(), "panic"), "BROKE", paid))

    def _panic(self):
        return 2**31


class Panicking(Lenders):
    """The same, with a parameter."""

    panic = lpm.parameter(0.4, unit=lpm.PROBABILITY)

    def _panic(self):
        return self.panic


class Closures(lpm.Model):
    """People fall ill where they meet; a public measure closes places and quietens contacts; cold nights stay."""

    health = lpm.stage("WELL", "ILL", "BACK")
    tolerance = lpm.private(0, 6)
    shut = lpm.field(0, 1)
    cold = lpm.field(0, 1008)
    closure = lpm.public(0, 1)
    weather = lpm.public(-5, 5)
    cough = lpm.message(most=3)
    crowd = lpm.cell_message(most=1)
    infection = lpm.outcome(cough, above=tolerance, keep=False)
    chilled = lpm.observable(0, 5)
    warmth = lpm.parameter(0.5, unit=lpm.PROBABILITY)  # of recovering on a warm day

    def begin(self, me, draw):
        return me.set(health=lpm.where(draw.happens(2**30, "ill"), "ILL", "WELL"), shut=0, cold=0)

    def says(self, me):
        ill = me.health == "ILL"
        loud = lpm.where(me.shut == 1, 1, 3)
        return {self.cough: lpm.where(ill, loud, 0), self.crowd: ill & (me.shut == 0)}

    def totals(self, me):
        return {self.chilled: lpm.clip(me.cold, 0, 5)}

    def update(self, me, heard, draw):
        recovers = (me.health == "ILL") & draw.happens(
            lpm.where(heard[self.weather] > 0, self.warmth, 2**30), "recovers"
        )
        near = heard[self.infection] | (heard.cell[self.crowd] > 4)
        falls = (me.health == "WELL") & near & (heard[self.closure] == 0)
        return me.set(
            health=lpm.where(falls, "ILL", lpm.where(recovers, "BACK", me.health)),
            shut=heard[self.closure],
            cold=(7 * me.cold + heard[self.weather] + 5) % 1009,  # tells any two histories apart
        )


class Council(lpm.Environment):
    """Closes while many are ill, opens again when few are; the weather follows from what was released."""

    def step(self, before, releases, t):
        if not releases:
            return {"closure": 0, "weather": 2}
        ill = releases[-1].total("ILL")
        closed = before["closure"]
        closed = 1 if ill >= 4 else 0 if ill <= 1 else closed
        crowded = sum(releases[-1].cells.get("crowd", ()))
        return {"closure": closed, "weather": (3 * t + before["weather"] + ill + crowded) % 11 - 5}


class Bids(lpm.Model):
    """An agent follows the lowest bid near it, and the highest; it believes a lowest one that enough others bid."""

    bid = lpm.field(0, 4)  # 4 is none
    believed = lpm.field(0, 4)
    doubt = lpm.private(0, 6)
    near = lpm.lowest(4)
    usual = lpm.lowest(3, above=doubt, directed=True)
    best = lpm.highest(4)

    def begin(self, me, draw):
        return me.set(bid=draw.uniform(0, 5, "bid"), believed=4)

    def says(self, me):
        return self.near.says(me.bid) | self.usual.says(me.bid) | self.best.says(me.believed)

    def update(self, me, heard, draw):
        low, high = heard.level(self.near), heard.level(self.best)
        bid = lpm.where(draw.happens(2**31, "follows"), low, lpm.clip(high + 1, 0, 4))
        return me.set(bid=bid, believed=heard.level(self.usual) + lpm.where(me.bid == 4, 1, 0))


class Reflexes(lpm.Model):
    """Who goes out is decided by a small integer network, one of two by a private habit; its weights are a table."""

    place = lpm.stage("HOME", "OUT")
    energy = lpm.field(0, 15)
    habit = lpm.private(0, 1)
    shy = lpm.private(0, 5)
    hello = lpm.message(most=1)
    crowded = lpm.outcome(hello, above=shy, keep=False)
    inner = lpm.table(3, -9, 2, -2, 5, 1, 1, 7, -4, 4, -8, 3)  # by habit, then by unit: energy, crowd, bias
    outer = lpm.table(2, -3, -1, 2)

    def begin(self, me, draw):
        return me.set(place=draw.uniform(0, 2, "place"), energy=draw.uniform(0, 16, "energy"))

    def says(self, me):
        return {self.hello: me.place == "OUT"}

    def update(self, me, heard, draw):
        crowd, drive = lpm.where(heard[self.crowded], 1, 0), 0
        for unit in range(2):
            energy, other, bias = (self.inner[6 * me.habit + (3 * unit + place)] for place in range(3))
            hidden = lpm.maximum(energy * me.energy + 4 * other * crowd + bias, 0) >> 1
            drive = drive + self.outer[2 * me.habit + unit] * hidden
        goes = drive + draw.uniform(-2, 3, "whim") > 4
        spent = lpm.where(goes, me.energy - 3, me.energy + 2)
        return me.set(place=lpm.where(goes, "OUT", "HOME"), energy=lpm.clip(spent, 0, 15))


class Loner(lpm.Model):
    """Nobody tells anybody anything."""

    mood = lpm.stage("SAD", "GLAD")

    def begin(self, me, draw):
        return me.set(mood=draw.uniform(0, 2, "mood"))

    def update(self, me, heard, draw):
        return me.set(mood=draw.uniform(0, 2, "mood"))


EACH = (Opinion, Averaging, Banks, Crowds, Cheapest, Seasons, Lenders, Bids, Reflexes, Closures, Places, Density)
MODELS = {each.__name__.lower(): each for each in EACH}
ENVIRONMENTS = {"closures": {"name": "tests.user_models:Council"}}
