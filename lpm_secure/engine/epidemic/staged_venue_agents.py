"""Staged agents who meet in venues, compiled: the bits of `lpm_secure.engine.tensors.staged_agents`."""

from typing import Any, final

import numpy as np

from lpm_secure.engine.epidemic.staged_step import StagedLaw, StagedStore, advance, speak, start, thresholds
from lpm_secure.engine.epidemic.venue_hazards import VenueHazards
from lpm_secure.engine.kernels.draws import bounds_of, key_of
from lpm_secure.engine.kernels.workers import Workers, total
from lpm_secure.engine.venues import Venues
from protocols.arithmetic.distributions import LAW_TOTAL
from protocols.arithmetic.fixed_point import I64, U64, prove_no_wrap
from protocols.errors import ParameterError
from protocols.models.course import CourseStage, Laws
from protocols.models.interventions import FULL
from protocols.models.staging.parameters import StagedModel

LAST: int = 2**16 - 1


@final
class StagedVenueAgents:
    """n agents in the clear, on the CPU. The bits do not depend on the number of threads.

    Attributes:
        step: steps done.
    """

    def __init__(
        self,
        model: StagedModel,
        venues: Venues,
        *,
        key: tuple[int, int],
        age: np.ndarray[Any, np.dtype[np.uint8]],
        agents: U64 | int = 0,
        threads: int = 1,
    ) -> None:
        """Draw thresholds, and who is exposed at the start.

        Args:
            model: of the run; its channels are the settings.
            venues: of the agents.
            key: of the simulation generator.
            age: uint8[n], band of each.
            agents: their numbers, uint64[n], or the first of consecutive ones.
            threads: how many share the work.

        Raises:
            ParameterError: other channels than settings, or an age band that the laws do not have.
            WouldWrap: a step's hazard could reach 2**63, or what is said in one venue 2**31.
        """
        if len(model.beta) != len(venues.settings) or age.size != venues.n:
            raise ParameterError(
                f"got {len(venues.settings)} settings and {age.size} ages for {len(model.beta)} channels and "
                f"{venues.n} agents"
            )
        if age.size and int(age.max()) >= model.course.bands:
            raise ParameterError(f"got an age band {int(age.max())}; the laws have {model.course.bands}")
        n = venues.n
        model.prove(largest=venues.largest_exposure(max(model.says), bits=model.share_bits), steps=1)
        prove_no_wrap({"what is said in one venue": n * max(model.says) << 32})
        self._model, self._venues, self._workers = model, venues, Workers(n, threads)
        self._law = _law(model, key, agents)
        ages = age.astype(np.int64)
        vaccine = np.zeros(0, dtype=np.int16)
        if model.plan.vaccination:
            numbers = agents if not isinstance(agents, int) else np.arange(agents, agents + n, dtype=np.uint64)
            vaccine = model.vaccine_days(numbers, key, ages)
        self._store = StagedStore(
            np.zeros(n, dtype=np.uint8), np.zeros(n, dtype=np.uint16), np.zeros(n, dtype=np.int64), age, vaccine
        )
        self._speakers = np.empty(n, dtype=np.int32)
        self._ends = [first for first, _ in self._workers.ranges]
        self._sums = VenueHazards(venues, bits=model.share_bits, threads=threads)
        self._says = np.array(
            [[[says, says if home else 0] for home in model.home] for says in model.says], dtype=np.int64
        )
        self.step = 0
        law, store = self._law, self._store
        exposed = int(total(self._workers.each(lambda _, span: start(span, law, store))))
        self._counts = np.zeros(len(CourseStage), dtype=np.int64)
        self._counts[CourseStage.S], self._counts[CourseStage.E] = n - exposed, exposed

    @property
    def stage(self) -> np.ndarray[Any, np.dtype[np.uint8]]:
        """Stage of each agent, uint8[n]; the engine's own memory, for reading."""
        view: np.ndarray[Any, np.dtype[np.uint8]] = self._store.stage.view()
        view.flags.writeable = False
        return view

    def tally(self) -> I64:
        """Return how many agents are in each stage, int64[q]."""
        return self._counts.copy()

    def hazard(self) -> I64:
        """Return the summed hazard of each susceptible agent, int64[n]; 0 for the others."""
        tau = np.zeros(self._venues.n, dtype=np.int64)
        self._workers.each(lambda _, span: thresholds(span, self._law, tau))
        return np.where(self._store.stage == int(CourseStage.S), tau - self._store.left, 0)

    def update(self) -> None:
        """Move on by one step.

        Raises:
            ParameterError: the run is too long for the 16 bits of a day.
        """
        if self.step + self._model.course.longest > LAST:
            raise ParameterError(f"step {self.step} is too late: days are kept in 16 bits")
        self._listen()
        law, store, member, now = self._law, self._store, self._venues.member, self.step
        changes = np.zeros((len(self._workers), len(CourseStage)), dtype=np.int64)
        hazard, speakers = self._sums.hazard, self._speakers
        self._ends = self._workers.each(
            lambda thread, span: advance(span, now, law, store, (hazard, member, speakers, changes[thread]))
        )
        self._counts += changes.sum(axis=0)
        self.step += 1

    def _listen(self) -> None:
        """Write today's hazard of every venue's members."""
        sums, stage, member = self._sums, self._store.stage, self._venues.member
        says, speakers, ends = self._says, self._speakers, self._ends
        sums.total[:] = 0
        self._workers.each(
            lambda thread, span: speak(speakers[span[0] : ends[thread]], stage, member, says, sums.total[thread])
        )
        factors = self._model.plan.factors(self.step, len(self._model.beta))
        sums.add_up([beta * factor for beta, factor in zip(self._model.beta, factors, strict=True)])

    def save(self) -> dict[str, np.ndarray[Any, Any]]:
        """Return what a checkpoint needs: arrays that `load` takes; the large ones are the engine's own memory."""
        spoken = [self._speakers[first:end] for (first, _), end in zip(self._workers.ranges, self._ends, strict=True)]
        return {
            "stage": self._store.stage,
            "due": self._store.due,
            "left": self._store.left,
            "speakers": np.concatenate(spoken),
            "step": np.array(self.step),
            "counts": self._counts,
        }

    def load(self, saved: dict[str, np.ndarray[Any, Any]]) -> None:
        """Go on from what `save` returned, for agents made with the same arguments.

        Raises:
            ParameterError: it is of other agents.
        """
        for name in ("stage", "due", "left"):
            array = getattr(self._store, name)
            if saved[name].shape != array.shape or saved[name].dtype != array.dtype:
                raise ParameterError(f"the checkpoint holds {saved[name].size} agents; this run has {array.size}")
            array[:] = saved[name]
        self.step, self._counts = int(saved["step"]), saved["counts"].astype(np.int64)
        row = np.where(saved["speakers"] < 0, ~saved["speakers"], saved["speakers"])
        for thread, (first, end) in enumerate(self._workers.ranges):
            own = saved["speakers"][(row >= first) & (row < end)]
            self._speakers[first : first + own.size] = own
            self._ends[thread] = first + own.size


def _law(model: StagedModel, key: tuple[int, int], agents: U64 | int) -> StagedLaw:
    course, plan = model.course, model.plan
    isolation, testing = plan.isolation, plan.testing
    return StagedLaw(
        key=key_of(key),
        base=np.uint64(agents if isinstance(agents, int) else 0),
        numbers=np.zeros(0, dtype=np.uint64) if isinstance(agents, int) else agents,
        kind=_bounds(course.kind, course.bands),
        latent=_bounds(course.latent, course.bands),
        infectious=_bounds(course.infectious, course.bands),
        to_hospital=_bounds(course.to_hospital, course.bands),
        stay=_bounds(course.stay, course.bands),
        to_death=_bounds(course.to_death, course.bands),
        initial=np.uint64(model.initial),
        isolation=np.array(
            [isolation.first, isolation.last, isolation.delay, isolation.compliance] if isolation else [0] * 4
        ),
        testing=np.array([testing.first, testing.last, testing.coverage] if testing else [0] * 3),
        wait=bounds_of(testing.wait if testing else (LAW_TOTAL,)),
        left=np.int64(plan.vaccination.left if plan.vaccination else FULL),
        unit=model.unit,
    )


def _bounds(laws: Laws, bands: int) -> U64:
    """Return one row of bounds for each age band, uint64[bands, longest - 1]; a short law ends in 2**32."""
    rows = np.full((bands, max(len(law) for law in laws) - 1), LAW_TOTAL, dtype=np.uint64)
    for band in range(bands):
        bounds = bounds_of(laws[band if len(laws) > 1 else 0])
        rows[band, : bounds.size] = bounds
    return rows
