"""Interventions on a schedule, as substeps: each writes a public or private field that the others read."""

from dataclasses import dataclass
from typing import ClassVar, Final, final

import msgspec
from array_api_compat import array_namespace

from protocols.arithmetic.distributions import LAW_TOTAL, check_law
from protocols.errors import ParameterError
from protocols.models.course import CourseStage
from protocols.models.substep import Exposure, State, Substep

FULL: Final = 256  # a factor or a susceptibility of one
NEVER: Final = 2**15 - 1  # a day that no run reaches


@final
class Reduction(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Contacts on one channel are cut to `level` / 256 on days `first` to `last` - 1."""

    channel: int
    first: int
    last: int
    level: int


@final
class IsolationPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """On days `first` to `last` - 1, mildly ill agents stay at home from day `delay` of their illness on.

    `compliance` of 2**32 do so.
    """

    first: int
    last: int
    delay: int
    compliance: int


@final
class TestingPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """On days `first` to `last` - 1, infectious agents know it, and stay at home, after days by the law `wait`.

    `coverage` of 2**32 are reached by testing at all.
    """

    __test__: ClassVar[bool] = False

    first: int
    last: int
    wait: tuple[int, ...]
    coverage: int


@final
class VaccinationPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """For each age band: the first day, the days over which doses are spread, and the part of 2**32 that takes one.

    From its day on, an agent's susceptibility is `left` / 256: 256 (1 - efficacy).
    """

    first: tuple[int, ...]
    days: tuple[int, ...]
    coverage: tuple[int, ...]
    left: int


@final
class InterventionPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All interventions of a run. Raises ParameterError where a value is out of range."""

    reductions: tuple[Reduction, ...] = ()
    isolation: IsolationPlan | None = None
    testing: TestingPlan | None = None
    vaccination: VaccinationPlan | None = None

    def __post_init__(self) -> None:
        """Check every value."""
        parts: list[tuple[str, int, int]] = [("level", cut.level, FULL) for cut in self.reductions]
        if self.isolation:
            parts.append(("compliance", self.isolation.compliance, LAW_TOTAL))
        if self.testing:
            check_law(self.testing.wait, "wait")
            parts.append(("coverage", self.testing.coverage, LAW_TOTAL))
        if self.vaccination:
            plan = self.vaccination
            parts += [("coverage", each, LAW_TOTAL) for each in plan.coverage] + [("left", plan.left, FULL)]
            if not len(plan.first) == len(plan.days) == len(plan.coverage) or min(plan.days, default=0) < 1:
                raise ParameterError("vaccination: give first, days (at least 1) and coverage for each age band")
        for name, value, limit in parts:
            if not 0 <= value <= limit:
                raise ParameterError(f"{name} is {value}; it must lie in [0, {limit}]")

    def factors(self, day: int, channels: int) -> tuple[int, ...]:
        """Return what is left of each channel's contacts on a day, in units of 1 / 256."""
        factor = [FULL] * channels
        for cut in self.reductions:
            if cut.first <= day < cut.last:
                factor[cut.channel] = factor[cut.channel] * cut.level // FULL
        return tuple(factor)


@final
@dataclass(frozen=True, slots=True)
class Calendar(Substep):
    """A new day begins: contacts are whole again, nobody is quiet or protected until an intervention says so."""

    id: ClassVar[str] = "calendar/1"
    reads: ClassVar[dict[str, str]] = {
        "day": "int32[]",
        "factor": "int64[c]",
        "quiet": "bool",
        "susceptibility": "int16",
    }
    writes: ClassVar[tuple[str, ...]] = ("day", "factor", "quiet", "susceptibility")

    def update(self, state: State, exposure: Exposure) -> State:
        """Return the state of the next day, without interventions."""
        xp = array_namespace(state["quiet"])
        return {
            **state,
            "day": state["day"] + 1,
            "factor": xp.full_like(state["factor"], FULL),
            "quiet": xp.zeros_like(state["quiet"]),
            "susceptibility": xp.full_like(state["susceptibility"], FULL),
        }


@final
@dataclass(frozen=True, slots=True)
class ContactReduction(Substep):
    """Cut the contacts of a setting; cuts of one channel multiply."""

    id: ClassVar[str] = "contact-reduction/1"
    reads: ClassVar[dict[str, str]] = {"day": "int32[]", "factor": "int64[c]"}
    writes: ClassVar[tuple[str, ...]] = ("factor",)

    cut: Reduction

    def update(self, state: State, exposure: Exposure) -> State:
        """Return the state with the channel's factor of today."""
        factor, day, cut = state["factor"], state["day"], self.cut
        xp = array_namespace(factor)
        chosen = xp.zeros_like(factor, dtype=xp.bool)
        chosen[cut.channel] = True
        today = (day >= cut.first) & (day < cut.last) & chosen
        return {**state, "factor": xp.where(today, factor * cut.level // FULL, factor)}


@final
@dataclass(frozen=True, slots=True)
class Isolation(Substep):
    """Mildly ill agents who comply are quiet outside their homes."""

    id: ClassVar[str] = "isolation/1"
    reads: ClassVar[dict[str, str]] = {
        "day": "int32[]",
        "stage": "int8",
        "timer": "int16",
        "first": "int16",
        "complies": "bool",
        "quiet": "bool",
    }
    writes: ClassVar[tuple[str, ...]] = ("quiet",)

    plan: IsolationPlan

    def update(self, state: State, exposure: Exposure) -> State:
        """Return the state with those quiet who stay at home."""
        today = (state["day"] >= self.plan.first) & (state["day"] < self.plan.last)
        ill = (state["stage"] == int(CourseStage.M)) & (state["first"] - state["timer"] >= self.plan.delay)
        return {**state, "quiet": state["quiet"] | (ill & state["complies"] & today)}


@final
@dataclass(frozen=True, slots=True)
class Testing(Substep):
    """Infectious agents, with symptoms or without, are quiet outside their homes once they know."""

    __test__: ClassVar[bool] = False
    id: ClassVar[str] = "testing/1"
    reads: ClassVar[dict[str, str]] = {
        "day": "int32[]",
        "stage": "int8",
        "timer": "int16",
        "first": "int16",
        "tested": "int16",
        "quiet": "bool",
    }
    writes: ClassVar[tuple[str, ...]] = ("quiet",)

    plan: TestingPlan

    def update(self, state: State, exposure: Exposure) -> State:
        """Return the state with those quiet who know."""
        stage = state["stage"]
        today = (state["day"] >= self.plan.first) & (state["day"] < self.plan.last)
        infectious = (stage == int(CourseStage.A)) | (stage == int(CourseStage.M))
        knows = state["first"] - state["timer"] >= state["tested"]
        return {**state, "quiet": state["quiet"] | (infectious & knows & today)}


@final
@dataclass(frozen=True, slots=True)
class Vaccination(Substep):
    """From its day on, a dose lowers an agent's susceptibility (leaky: every exposure counts less)."""

    id: ClassVar[str] = "vaccination/1"
    reads: ClassVar[dict[str, str]] = {"day": "int32[]", "vaccine": "int16", "susceptibility": "int16"}
    writes: ClassVar[tuple[str, ...]] = ("susceptibility",)

    left: int

    def update(self, state: State, exposure: Exposure) -> State:
        """Return the state with today's susceptibilities."""
        weight = state["susceptibility"]
        xp = array_namespace(weight)
        protected = xp.astype(xp.full_like(weight, self.left), weight.dtype)
        return {**state, "susceptibility": xp.where(state["vaccine"] <= state["day"], protected, weight)}
