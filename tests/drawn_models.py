"""Models drawn at random, as no author would write them: fields at the ends of types, products, tables, odd waits."""

import random

import lpm_secure.models as lpm
from protocols.arithmetic.distributions import LAW_TOTAL

SMALL = ((0, 1), (0, 9), (0, 127), (0, 128), (0, 255), (0, 256), (-1, 0), (-128, 127), (-129, 5), (-7, 300))
LARGE = ((-(2**15), 2**15 - 1), (-(2**15) - 1, 0), (0, 2**16 - 1), (0, 2**16), (-(2**31), 2**31 - 1), (5, 2**32 - 1))
RANGES = (*SMALL, *LARGE, (0, 2**32), (-(2**40), 2**40))  # at the ends of types, and beyond
LIMITS = ((0, 0), (0, 7), (0, 127), (0, 128), (3, 40_000), (0, 2**31), (0, 2**45))  # of thresholds
LOUDNESS = (1, 1, 3, 127, 128, 255, 256, 70_000)
WIDTHS = (6, 7, 8, 15, 16, 20, 31, 33, 40)
CHANCES = (0, 1, 2**28, 2**30, 2**31, 2**32)
CHEAP = (0, 3, 4, 6, 8)  # kinds of expressions that vector instructions compute
MOMENTS = ("once", "restart", "step")


class Expressions:
    """Draws expressions of what is at hand; whatever grows is clipped, so that all of it can be proved."""

    def __init__(self, draw, numbers, truths=(), dice=None, kinds=range(9)):
        self.draw, self.numbers, self.truths, self.dice, self.kinds = draw, numbers, truths, dice, kinds

    def clipped(self, number, width=40):
        low, high = (2 ** min(self.draw.choice(WIDTHS), width) for _ in range(2))
        return lpm.clip(number, self.draw.choice((0, -low)), high)

    def number(self, depth=2):
        draw = self.draw
        if depth == 0 or draw.random() < 0.2:
            return self.leaf()
        a, b = self.number(depth - 1), self.number(depth - 1)
        kind = draw.choice(self.kinds)
        if kind == 0:
            return self.clipped(self.clipped(a, 20) * self.clipped(b, 20))
        if kind == 1:
            return self.clipped(a) // draw.choice((1, 2, 3, 100))
        if kind == 2:
            return self.clipped(a) % lpm.clip(b, 1, draw.choice((2, 9, 256)))
        if kind == 3:
            return draw.choice((lpm.minimum, lpm.maximum))(a, b)
        if kind == 4:
            return lpm.where(self.truth(depth - 1), a, b)
        if kind == 5:
            entries = [draw.randint(*draw.choice(RANGES)) for _ in range(draw.randint(1, 5))]
            return lpm.table(*entries)[self.clipped(a) % len(entries)]
        if kind == 6:
            return self.clipped(a) + draw.choice((1, -1, 3)) * self.clipped(b)
        if kind == 7:
            return lpm.clip(a, 0, 50) << draw.randrange(4)
        return self.clipped(a) - self.clipped(b >> draw.randrange(1, 4))

    def leaf(self):
        draw = self.draw
        if self.dice is not None and draw.random() < 0.15:
            low, count = draw.choice((0, -5, 250, -(2**15))), draw.choice((1, 2, 9, 2**16))
            return self.dice.uniform(low, low + count, f"leaf {low} {count}")
        return draw.choice(self.numbers) if draw.random() < 0.8 else self.numbers[0] * 0 + draw.randint(-9, 300)

    def truth(self, depth=1):
        draw = self.draw
        if self.truths and draw.random() < 0.4:
            return draw.choice(self.truths)
        if self.dice is not None and draw.random() < 0.25:
            chance = draw.choice(CHANCES)
            return self.dice.happens(chance, f"truth {chance}")
        a, b = self.number(depth), self.number(depth)
        kinds = (a < b, a <= b, a == b, a != b, a > draw.randint(-2, 9))
        return draw.choice(kinds) & self.truth(0) if depth and draw.random() < 0.3 else draw.choice(kinds)


def declared(draw, *, moves, pays, calm):
    """Return the body of a class: what a drawn model declares."""
    stages = [
        tuple(f"S{at}" for at in range(draw.randint(2, 4))) for _ in range(draw.choice((1 if calm else 0, 1, 1, 1, 2)))
    ]
    body = {f"stage{at}": lpm.stage(*names) for at, names in enumerate(stages)}
    body |= {f"field{at}": lpm.field(*draw.choice(RANGES)) for at in range(draw.randint(1, 4))}
    body |= {f"own{at}": lpm.private(*draw.choice(RANGES)) for at in range(draw.randrange(3))}
    body["group"], body["season"] = lpm.private(-1, 1), lpm.field(0, draw.choice((2, 300)))
    if moves:
        body["place"] = lpm.cell("A", "B", "C")
    body["news"] = lpm.public(draw.choice((0, -5)), draw.choice((3, 300)))
    body["number"] = lpm.parameter(3, bounds=(0, draw.choice((9, 255, 70_000))))
    body["weekly"] = lpm.parameter((1, 2, 0), bounds=(0, 400), over=lpm.period("week", steps=2, count=3))
    body["grouped"] = lpm.parameter((1, 2, 0), bounds=(0, 130), by="group")
    body["law"] = lpm.parameter((1.0,), unit=lpm.LAW, days=draw.choice((3, 130, 300)))
    body["chance"] = lpm.parameter(0.2, unit=lpm.PROBABILITY)
    talks = [f"talk{at}" for at in range(draw.randint(1, 3))]
    body |= {name: lpm.message(most=draw.choice(LOUDNESS), directed=draw.random() < 0.3) for name in talks}
    told = talks + ([] if moves else ["share"])
    body["share"] = lpm.cell_message(most=1)
    body["hum"] = lpm.cell_message(most=draw.choice(LOUDNESS[:6]))
    if pays:
        body["pay"] = lpm.message(most=900, directed=draw.random() < 0.5, along=(0, 300))
        told.append("pay")
    for at in range(draw.randint(1, 3)):
        adds = draw.sample(talks if calm else told, draw.randint(1, len(talks)))
        terms = {body[name]: draw.choice((1, 2, 255, body["number"])) for name in adds}
        keep = calm or draw.random() < 0.7
        if draw.random() < 0.3 and not calm:
            body[f"bit{at}"] = lpm.outcome(terms, reveals="sum", keep=keep)
        else:
            body[f"limit{at}"] = lpm.field(*draw.choice(LIMITS))
            body[f"bit{at}"] = lpm.outcome(
                terms, above=body[f"limit{at}"], keep=keep, threshold="once" if calm else draw.choice(MOMENTS)
            )
    body["seen"] = lpm.observable(-5000, 5000)
    return body


def drawn_model(seed, *, moves=False, pays=False, calm=False):
    """Return a class of a model; the same for the same seed.

    Args:
        seed: of it.
        moves: whether agents move between cells.
        pays: whether they pay along contacts that have numbers of their own.
        calm: whether most agents wait in most steps, for a number or for what crosses a threshold.
    """
    body = declared(random.Random(seed), moves=moves, pays=pays, calm=calm)
    fields = {name: each for name, each in body.items() if hasattr(each, "stages")}
    changing = {name: each for name, each in fields.items() if not each.private}
    outcomes = {name: each for name, each in body.items() if isinstance(each, lpm.Outcome)}
    channels = {name: each for name, each in body.items() if isinstance(each, lpm.Message)}

    def numbers(model, me):
        return [*(getattr(me, name) for name in fields), model.number, model.weekly, model.grouped]

    def begin(model, me, draw):
        chosen, given = random.Random(f"{seed} begin"), {}
        for name, each in changing.items():
            count = min(each.high - each.low + 1, 2**31)
            ends = chosen.choice((each.low, each.high, draw.uniform(each.low, each.low + count, name)))
            given[name] = each.low if name == "season" else ends
        return me.set(**given)

    def says(model, me):
        chosen = random.Random(f"{seed} says")
        slow = [getattr(me, name) for name, each in fields.items() if each.stages or each.private]
        by_state = Expressions(chosen, slow if calm else numbers(model, me))
        return {
            body[name]: lpm.clip(
                chosen.choice((by_state.number(), lpm.where(by_state.truth(), chosen.choice((1, each.most)), 0))),
                0,
                each.most,
            )
            for name, each in channels.items()
            if each.along is None
        }

    def along(model, me, edge):
        by_state = Expressions(random.Random(f"{seed} along"), [*numbers(model, me), edge[model.pay]])
        return {model.pay: lpm.clip(by_state.number(), 0, 900)}

    def weight(model, me):
        chosen = random.Random(f"{seed} weight")
        by_state = Expressions(chosen, numbers(model, me))
        return {
            body[name]: lpm.clip(by_state.number(1), 0, 9) for name in outcomes if chosen.random() < 0.3 and not calm
        }

    def totals(model, me):
        return {
            model.seen: lpm.clip(Expressions(random.Random(f"{seed} totals"), numbers(model, me)).number(), -5000, 5000)
        }

    def wait(model, me, heard, draw):
        """Change stages, or fields, where one condition on numbers holds or a threshold is crossed; else count."""
        chosen = random.Random(f"{seed} wait")
        held = [getattr(me, name) for name in fields if name != "season" and not name.startswith("limit")]
        plain = Expressions(chosen, held, kinds=CHEAP)
        after = Expressions(chosen, numbers(model, me), [draw.happens(model.chance, "chance")], draw)
        due, bits, changed = plain.truth(), [heard[each] for each in outcomes.values()], {}
        for name, each in changing.items():
            own, low, high = getattr(me, name), each.low, each.high
            new = after.clipped(after.number()) % (high - low + 1) + low
            if each.stages:
                crossed = lpm.where(
                    (own == chosen.randint(low, high)) & chosen.choice(bits), chosen.randint(low, high), own
                )
                changed[name] = lpm.where(due, new, crossed)
            elif name.startswith("field"):
                counts = [
                    lpm.clip(plain.number(1), low, high),
                    lpm.clip(own - 1, low, high),
                    lpm.clip(own + 3, low, high),
                ]
                rest = chosen.choice((own, *counts))
                changed[name] = chosen.choice((lpm.where(due, new, rest), rest))
        return me.set(**changed, season=_season(me, body["season"].high))

    def update(model, me, heard, draw):
        if calm:
            return wait(model, me, heard, draw)
        chosen = random.Random(f"{seed} update")
        sums = [
            lpm.clip(heard[each], 0, 2 ** chosen.choice(WIDTHS)) for each in outcomes.values() if each.reveals == "sum"
        ]
        bits = [heard[each] for each in outcomes.values() if each.reveals == "bit"]
        sums += [heard.cell[model.hum], heard.cell[model.share], heard[model.news], draw.days(model.law, "days")]
        sums += [] if moves else [heard.size[model.share]]
        bits.append(draw.happens(model.chance, "chance"))
        after = Expressions(chosen, [*numbers(model, me), *sums], bits, draw)
        changed, begun = {}, {}
        for name, each in outcomes.items():
            if (each.keep and each.threshold == "restart") or chosen.random() < 0.2:
                begun[name] = after.truth()
        for name, each in changing.items():
            changed[name] = _next(chosen, after, me, name, each, heard)
        for name, each in outcomes.items():
            if each.above is not None:
                limit, low, high = getattr(me, each.above.name), each.above.low, each.above.high
                new = lpm.clip(after.number(), low, high)
                restart = begun.get(name)
                changed[each.above.name] = {
                    "once": limit,
                    "step": new,
                    "restart": limit if restart is None else lpm.where(restart, new, limit),
                }[each.threshold]
        made = me.set(**changed)
        for name, condition in begun.items():
            made = made.restart(body[name], condition)
        return made

    methods = {"begin": begin, "says": says, "weight": weight, "totals": totals, "update": update}
    if pays:
        methods["along"] = along
    if calm or random.Random(f"{seed} seen").random() < 0.5:
        del body["seen"], methods["totals"]
    return type(f"Drawn{seed}", (lpm.Model,), {**body, **methods, "__module__": __name__})


def _season(me, high):
    """Return what is the same number for all."""
    return lpm.where(me.season == high, 0, lpm.clip(me.season + 1, 0, high))


def _next(chosen, after, me, name, each, heard):
    """Return what a field is after a step."""
    own, low, high = getattr(me, name), each.low, each.high
    if name == "season":
        return _season(me, high)
    new = chosen.choice((lpm.clip(after.number(), low, high), after.clipped(after.number()) % (high - low + 1) + low))
    kind = chosen.randrange(6)
    if kind == 0:
        return own
    if kind == 1:
        return lpm.where(after.truth(), new, own)
    if kind == 2:  # waits, and then begins anew
        return lpm.where(own == low, new, lpm.clip(own - chosen.choice((1, 100)), low, high))
    if kind == 3:
        return lpm.where(after.truth(0), lpm.clip(own + 1, low, high), own)
    return new if kind == 4 else lpm.where(me.season == 1, lpm.where(after.truth(), high, low), own)


def drawn_parameters(traced, draw):
    """Return parameters of a run: integers anywhere within their bounds, often at the ends."""
    given = dict(traced.parameters)
    for name, each in traced.graph.parameters.items():
        if each.unit == "law":
            days = draw.randint(1, each.length)
            at = sorted(draw.choice((0, LAW_TOTAL, draw.randrange(LAW_TOTAL))) for _ in range(days - 1))
            given[name] = tuple(b - a for a, b in zip([0, *at], [*at, LAW_TOTAL], strict=True))
        else:
            ends = [draw.choice((each.low, each.high, draw.randint(each.low, each.high))) for _ in range(3)]
            given[name] = tuple(ends) if isinstance(given[name], tuple) else ends[0]
    return given
