"""S-E-I-R agents on a contact graph, compiled by hand: the bits of the library's graph, at the speed of memory."""

from collections.abc import Sequence
from typing import Any, Final, final

import numpy as np
from peers.epidemic.exposure import PULL_GAIN, infectious, pack, pull, push
from peers.epidemic.seir_step import (
    E,
    I,
    R,
    S,
    SeirFlow,
    SeirStore,
    advance,
    law_of,
    spells_of,
    start,
    thresholds,
)

from lpm_secure.config.model import TableIntegers
from lpm_secure.engine.kernels.csr import I32, Csr
from lpm_secure.engine.kernels.exposure import Traversal
from lpm_secure.engine.kernels.workers import Workers
from protocols.arithmetic.fixed_point import I64, U64
from protocols.errors import ParameterError, WouldWrap
from protocols.models.graph.draws import LARGEST
from tests.epidemics import Stage

NONE: Final = np.zeros(0, dtype=np.int64)


@final
class GraphAgents:
    """n agents in the clear, on the CPU.

    The same interface as `Agents`: `cell_totals`, `tally`, `update`; the stages, timers and (while an agent is
    susceptible) hazards are the same bits, whatever the route and the number of threads.

    Attributes:
        step: steps done.
        routes: how often each route was taken.
    """

    def __init__(
        self,
        model: TableIntegers,
        contacts: Csr | Sequence[Csr],
        *,
        key: tuple[int, int],
        agents: U64 | int = 0,
        scale: np.ndarray[Any, np.dtype[np.float64]] | None = None,
        cell: I32 | None = None,
        cells: int = 0,
        threads: int = 1,
        route: Traversal = Traversal.AUTO,
    ) -> None:
        """Draw the agents' thresholds and initial stages.

        Args:
            model: of the run. Contacts with weights have `beta` folded in; others take `model.beta[0]`.
            contacts: of every step, or of each day of a period.
            key: of the simulation generator.
            agents: their numbers, uint64[n], or the first of consecutive ones.
            scale: n_i / S_i, float64[n]; 1 where not given.
            cell: int32[n], with `cells` their number.
            threads: how many share the work.
            route: how to add up exposures.

        Raises:
            ParameterError: days of other agents, or weights and counts mixed.
            WouldWrap: hazards of one step could reach 2**63.
        """
        self._days = (contacts,) if isinstance(contacts, Csr) else tuple(contacts)
        n = self._days[0].n
        folded = {bool(day.weight.size) for day in self._days if day.edges}
        if len(folded) == 2 or {day.n for day in self._days} != {n}:
            raise ParameterError("the days of a period differ in their agents, or only some have weights")
        beta = 1 if True in folded else model.beta[0]
        largest = max(day.largest_exposure() for day in self._days)
        if largest * beta + model.cell_beta >= 2**62:
            raise WouldWrap(f"a step's hazard could reach {largest * beta + model.cell_beta}; use fewer fraction bits")
        numbers = agents if not isinstance(agents, int) else np.zeros(0, dtype=np.uint64)
        ones = np.zeros(0) if scale is None else scale
        longest = max(len(model.latent), len(model.infectious), len(model.waning))
        due = np.uint8 if longest < 2**8 - 1 else np.uint16
        start_at = agents if isinstance(agents, int) else 0
        law = law_of(model, key=key, base=start_at, beta=beta, due=due)
        self._law = law._replace(numbers=numbers, scale=ones)
        bound = LARGEST * float(ones.max(initial=1.0)) * 2.0**model.f
        if bound >= 2.0**63:
            raise WouldWrap("a susceptibility is so small that its threshold could wrap; use fewer fraction bits")
        kind = np.int32 if max(bound, largest * beta + model.cell_beta) < 2**31 else np.int64
        stage, left = np.zeros(n, dtype=np.uint8), np.zeros(n, dtype=kind)
        self._store = SeirStore(stage, np.zeros(n, dtype=due), left, spells_of(model, n))
        self._workers = Workers(n, threads)
        self._exposure = _sums(largest, True in folded, threads, n)
        self._bits = np.zeros(n // 8 + 1, dtype=np.uint8)
        self._moved = np.empty(n, dtype=np.int32)
        self._route = route
        self._cell = np.zeros(0, dtype=np.int32) if cell is None else cell
        self._cells = cells
        self.step = 0
        self.routes = {Traversal.PUSH: 0, Traversal.PULL: 0}
        self._stale = False  # exposures must be added up anew
        self._begin()

    def _begin(self) -> None:
        law, store, moved = self._law, self._store, self._moved
        ends = self._workers.each(lambda _, span: start(span, law, store, moved))
        self._ends = [int(end) for end in ends]
        ill = sum(end - first for end, (first, _) in zip(self._ends, self._workers.ranges, strict=True))
        self._counts = np.zeros(len(Stage), dtype=np.int64)
        self._counts[S], self._counts[I] = store.stage.size - ill, ill

    @property
    def n(self) -> int:
        """How many agents there are."""
        return int(self._store.stage.size)

    def tally(self) -> I64:
        """Return how many agents are in each stage, int64[q]."""
        return self._counts.copy()

    def cell_totals(self) -> I64:
        """Return what the agents say to each cell, int64[cells]."""
        speakers = self._cell[self._store.stage == I] if self._cells else NONE
        return np.bincount(speakers, minlength=self._cells)[: self._cells].astype(np.int64)

    @property
    def stage(self) -> np.ndarray[Any, np.dtype[np.uint8]]:
        """Stage of each agent, uint8[n]; the engine's own memory, for reading."""
        view: np.ndarray[Any, np.dtype[np.uint8]] = self._store.stage.view()
        view.flags.writeable = False
        return view

    def timer(self) -> np.ndarray[Any, np.dtype[np.int16]]:
        """Return the steps until each agent moves on by itself, int16[n]; 0 for those that will not."""
        stage = self._store.stage
        waits = (stage == E) | (stage == I) | ((stage == R) & self._law.wanes)
        ahead = (self._store.due.astype(np.int64) - (self.step - 1)) % self._law.ring
        return np.where(waits, ahead, 0).astype(np.int16)

    def hazard(self) -> I64:
        """Return the summed hazard of each susceptible agent, int64[n]; 0 for the others."""
        tau = np.zeros(self.n, dtype=np.int64)
        self._workers.each(lambda _, span: thresholds(span, self._law, self._store.spell, tau))
        return np.where(self._store.stage == S, tau - self._store.left, 0)

    def update(self, pressure: I64 = NONE, *, step: int | None = None) -> None:
        """Move on by one step.

        Args:
            pressure: int64[cells], the hazard that each cell exerts.
            step: of the run; must be the next one, if given.

        Raises:
            ParameterError: another step than the next.
        """
        if step not in (None, self.step):
            raise ParameterError(f"got step {step}; the next is {self.step}")
        self._expose()
        law, store, moved, cell = self._law, self._store, self._moved, self._cell
        flow = SeirFlow(self._exposure, cell, pressure, moved)
        now = self.step
        results = self._workers.each(lambda _, span: advance(span, now, law, store, flow))
        self._ends = [int(result[0]) for result in results]
        infections, onsets, ends, returns = np.sum([result[1:] for result in results], axis=0).tolist()
        self._counts += np.array([returns - infections, infections - onsets, onsets - ends, ends - returns])
        self.step += 1

    def _expose(self) -> None:
        """Bring the exposures up to date, by the cheapest route."""
        day = self._days[self.step % len(self._days)]
        if not day.edges:
            self._stale = True
            self._exposure[:] = 0
            return
        anew = self._stale or (len(self._days) > 1)
        changes = sum(end - first for end, (first, _) in zip(self._ends, self._workers.ranges, strict=True))
        speakers = int(self._counts[I]) if anew else changes
        cheap = speakers * PULL_GAIN > self._counts[S]
        if self._route is Traversal.PULL or (self._route is Traversal.AUTO and cheap):
            self._pull(day)
        else:
            self._push(day, anew=anew)
        self._stale = False

    def _pull(self, day: Csr) -> None:
        stage, bits, exposure = self._store.stage, self._bits, self._exposure
        self._workers.each(lambda _, span: pack(span, stage, bits))
        # Where immunity wanes, all agents hear: exposures to which changes are pushed later must be whole.
        hears = np.zeros_like(stage) if self._law.wanes else stage
        self._workers.each(lambda _, span: pull(span, hears, bits, day.rows, exposure))
        self.routes[Traversal.PULL] += 1

    def _push(self, day: Csr, *, anew: bool) -> None:
        stage, moved = self._store.stage, self._moved
        ends = self._ends
        if anew:
            self._exposure[:] = 0
            ends = [int(end) for end in self._workers.each(lambda _, span: infectious(span, stage, moved))]
        self._workers.each(lambda thread, span: push(moved[span[0] : ends[thread]], day.rows, self._exposure[thread]))
        self.routes[Traversal.PUSH] += 1

    def save(self) -> dict[str, np.ndarray[Any, Any]]:
        """Return what a checkpoint needs: arrays that `load` takes; views of the engine's memory, not copies."""
        return {**self._arrays, "step": np.array(self.step), "counts": self._counts}

    @property
    def _arrays(self) -> dict[str, np.ndarray[Any, Any]]:
        """Return the state; without spells where immunity lasts."""
        return {name: array for name, array in self._store._asdict().items() if self._law.wanes or name != "spell"}

    def load(self, saved: dict[str, np.ndarray[Any, Any]]) -> None:
        """Go on from what `save` returned, for agents made with the same arguments.

        Raises:
            ParameterError: it is of other agents.
        """
        for name, array in self._arrays.items():
            if saved[name].shape != array.shape or saved[name].dtype != array.dtype:
                raise ParameterError(
                    f"the checkpoint holds {name} of {saved[name].size} agents; this run has {array.size}"
                )
            array[:] = saved[name]
        self.step, self._counts = int(saved["step"]), saved["counts"].astype(np.int64)
        self._stale = True


def _sums(largest: int, weighted: bool, threads: int, n: int) -> np.ndarray[Any, Any]:
    """Return partial sums by thread, in the smallest type that holds an exposure."""
    if weighted or largest >= 2**16:
        return np.zeros((threads, n), dtype=np.int64)
    return np.zeros((threads, n), dtype=np.uint8 if largest < 2**8 else np.uint16)
