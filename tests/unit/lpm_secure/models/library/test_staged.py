"""The staged epidemic, with all interventions and laws by age: the bits of plain Python, person by person."""

import random
from dataclasses import dataclass

import numpy as np
import pytest

from lpm_secure.models.library.doses import FULL, NEVER
from lpm_secure.models.library.staged import BANDS, BITS, StagedEpidemic
from lpm_secure.models.tracer import trace
from protocols.arithmetic import distributions
from protocols.models.graph.draws import BEGIN, DrawSource

TRACED = trace(StagedEpidemic)
DAYS = TRACED.graph.parameters["testing"].rows
STAGES = TRACED.graph.fields["stage"].stages
ONE = 2**32
LAWS = ("latent_law", "infectious_law", "hospital_law", "stay_law", "death_law")


def factors(*cuts):
    """Return what is left of contacts by day, of cuts (first, last, level) that multiply."""
    left = [FULL] * DAYS
    for first, last, level in cuts:
        left = [each * level // FULL if first <= day < last else each for day, each in enumerate(left)]
    return tuple(left)


def on(first, last):
    """Return 1 on some days."""
    return tuple(int(first <= day < last) for day in range(DAYS))


REDUCED = {"outside_left": factors((2, 9, 100), (5, 20, 77)), "home_left": factors((4, 30, 200))}
ISOLATED = {"isolating": on(3, 14), "delay": 2, "compliance": 3 * 2**30}
TESTED = {"testing": on(6, 25), "wait_law": (2**31, 0, 2**31), "reach": 2**31 + 2**29}
VACCINATED = {
    "dose_first": tuple(range(BANDS)),
    "dose_days": tuple(range(1, BANDS + 1)),
    "dose_coverage": (2**31,) * 4 + (ONE,) * 5,
    "dose_left": 30,
}
PLANS = {
    "none": {},
    "contacts": REDUCED,
    "isolation": ISOLATED,
    "tests": TESTED,
    "vaccines": VACCINATED,
    "all": REDUCED | ISOLATED | TESTED | VACCINATED,
}


def days(word, law):
    """Return a day by a law's weights."""
    below = 0
    for day, weight in enumerate(law, start=1):
        below += weight
        if word >> 32 < below:
            return day
    raise AssertionError("a law adds up to 2**32")


@dataclass
class Person:
    """One agent, drawn and moved on in plain Python."""

    drawn: dict
    age: int
    given: dict

    def __post_init__(self):
        def law(name):
            rows = self.given[name]
            count = len(rows) // BANDS
            return rows[self.age * count : (self.age + 1) * count]

        drawn, given = self.drawn, self.given
        exposed = drawn["initial"] >> 32 < given["initial"]
        self.kind = days(drawn["course_kind"], law("kind_law")) - 1
        self.latent = days(drawn["latent"], law("latent_law"))
        self.first = days(drawn["course_first"], law("hospital_law" if self.kind >= 2 else "infectious_law"))
        self.second = days(drawn["course_second"], law("death_law" if self.kind == 3 else "stay_law"))
        self.tau = int(drawn["tau"])
        self.complies = drawn["course_compliance"] >> 32 < given["compliance"]
        reached = (drawn["course_test"] & 2**32 - 1) >> 1 < given["reach"] >> 1
        self.tested = days(drawn["course_test"], given["wait_law"]) if reached else NEVER
        dose = given["dose_first"][self.age] + (
            (drawn["course_vaccine"] & 2**32 - 1) * given["dose_days"][self.age] >> 32
        )
        self.vaccine = dose if drawn["course_vaccine"] >> 32 < given["dose_coverage"][self.age] else NEVER
        self.stage, self.timer, self.quiet, self.level = ("E", self.latent, 0, 0) if exposed else ("S", 0, 0, 0)

    def says(self, day):
        """Return what it tells at home, and outside."""
        word = {"A": self.given["asymptomatic"], "M": self.given["mild"]}.get(self.stage, 0)
        return word * self.given["home_left"][day], (0 if self.quiet else word) * self.given["outside_left"][day]

    def move(self, day, home, outside):
        """Move on by a step, with what is told at home and outside."""
        weight = self.given["dose_left"] if self.vaccine <= day else FULL
        self.level += (home * self.given["home_rate"] + outside * self.given["outside_rate"]) * weight
        susceptible = self.stage == "S"
        if self.stage in "EAMH":
            self.timer -= 1
            if self.timer == 0:
                self._arrive()
        elapsed, ill = self.first - self.timer, self.stage in "AM"
        isolates = (
            self.stage == "M" and elapsed >= self.given["delay"] and self.complies and self.given["isolating"][day]
        )
        self.quiet = int(bool(isolates or (ill and elapsed >= self.tested and self.given["testing"][day])))
        if susceptible and self.level > self.tau:
            self.stage, self.timer = "E", self.latent

    def _arrive(self):
        if self.stage == "E":
            self.stage, self.timer = "M" if self.kind else "A", self.first
        elif self.stage == "M" and self.kind >= 2:
            self.stage, self.timer = "H", self.second
        else:
            self.stage = "D" if self.stage == "H" and self.kind == 3 else "R"


def people_of(n, key, ages, given):
    """Draw people as the library's purposes have it."""
    source = DrawSource(np.arange(n, dtype=np.uint64), 0, key)
    purposes = ["initial", "latent", *(f"course_{each}" for each in ("kind", "first", "second", "test", "compliance"))]
    words = {name: source.words(name, BEGIN).tolist() for name in (*purposes, "course_vaccine")}
    tau = np.rint(distributions.exponential(source.words("threshold", BEGIN)) * 2.0 ** (BITS + 16)).tolist()
    words["tau"] = tau
    return [Person({name: word[i] for name, word in words.items()}, int(ages[i]), given) for i in range(n)]


def laws(draw):
    """Return laws by age, each of three random weights, and four of how an infection goes on."""

    def law(length):
        cuts = sorted(draw.randrange(ONE) for _ in range(length - 1))
        return tuple(b - a for a, b in zip([0, *cuts], [*cuts, ONE], strict=True))

    lengths = dict.fromkeys(LAWS, 3) | {"kind_law": 4}
    return {name: sum((law(length) for _ in range(BANDS)), ()) for name, length in lengths.items()}


@pytest.mark.parametrize("name", PLANS)
def test_a_run_has_the_bits_of_plain_python(name, world_of):
    n, key, draw = 300, (5, 17), random.Random(len(name))
    contacts = [(*draw.sample(range(n), 2), draw.randint(1, 3)) for _ in range(2 * n)]
    age = np.array([draw.randrange(BANDS) for _ in range(n)])
    given = {"home_rate": int(0.2 * 2**BITS), "outside_rate": int(0.1 * 2**BITS), "initial": 2**29}
    given = dict(TRACED.parameters) | given | laws(draw) | PLANS[name]
    world = world_of(StagedEpidemic, n, contacts, seed=key[0], columns={"age": age}, **given)
    people = people_of(n, key, age, given)
    quiet, seen = 0, set()
    for day in range(40):
        for field in ("timer", "kind", "latent", "first", "second", "tau", "quiet"):
            expected = [getattr(each, field) for each in people]
            np.testing.assert_array_equal(world.state[field], expected, err_msg=f"{field} on day {day}")
        assert [STAGES[stage] for stage in world.state["stage"]] == [each.stage for each in people]
        np.testing.assert_array_equal(world.levels["infection"], [each.level for each in people])
        heard = np.zeros((n, 2), dtype=np.int64)
        said = [each.says(day) for each in people]
        for a, b, weight in contacts:
            heard[a] += np.multiply(said[b], weight)
            heard[b] += np.multiply(said[a], weight)
        for each, (home, outside) in zip(people, heard.tolist(), strict=True):
            each.move(day, home, outside)
        quiet += sum(each.quiet for each in people)
        seen |= {each.stage for each in people}
        world.update()
    assert seen == set(STAGES)
    assert (quiet > 0) == (name in ("isolation", "tests", "all"))
    assert sum(each.stage == "S" for each in people) < n // 2


def test_a_vaccine_that_leaves_all_and_contacts_that_are_whole_change_nothing(world_of):
    contacts, age = [(who, who + 1, 2) for who in range(99)], np.zeros(100, dtype=np.int64)
    worlds = [
        world_of(StagedEpidemic, 100, contacts, columns={"age": age}, initial=2**30, **more)
        for more in ({}, {"dose_coverage": (ONE,) * BANDS, "dose_left": FULL})
    ]
    for _ in range(20):
        for world in worlds:
            world.update()
    np.testing.assert_array_equal(worlds[0].state["stage"], worlds[1].state["stage"])
