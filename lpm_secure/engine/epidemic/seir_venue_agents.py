"""S-E-I-R agents who meet in venues, and others in cells, compiled: the bits of the substeps of `Seir`."""

from typing import Any, final

import numpy as np

from lpm_secure.engine.epidemic.seir_step import (
    DURATION,
    LATENT,
    E,
    I,
    R,
    S,
    SeirLaw,
    SeirStore,
    begin_anew,
    immune_until,
    law_of,
    spell_word,
    spells_of,
    start,
    thresholds,
)
from lpm_secure.engine.epidemic.venue_hazards import VenueHazards, speak
from lpm_secure.engine.kernels.csr import I32
from lpm_secure.engine.kernels.draws import days
from lpm_secure.engine.kernels.jit import compile_kernel
from lpm_secure.engine.kernels.workers import Span, Workers
from lpm_secure.engine.venues import Venues
from protocols.arithmetic.fixed_point import I64, prove_no_wrap
from protocols.errors import ParameterError, WouldWrap
from protocols.models import Seir, Stage
from protocols.models.seir.parameters import LARGEST_DRAW


@compile_kernel
def _advance(span: Span, step: int, law: SeirLaw, store: SeirStore, flow: Any) -> Any:
    """Move a range of agents on by one step: progression, then transmission (Eq. 1).

    Args:
        span, step: the range, and the number of this step.
        law, store: model and state.
        flow: (hazard, member, pressure, cell, speakers, change): int64[venues], int32[n, c], int64[cells], int32[n],
            empty where there are no cells; int32[n] takes who is infectious from the range's first place on; int64[4]
            takes how many agents each stage won.

    Returns:
        The place past the last in `speakers`.
    """
    hazard, member, pressure, cell, speakers, change = flow
    at = span[0]
    now = step % law.ring
    for i in range(span[0], span[1]):
        stage = store.stage[i]
        if stage == S:
            grows = pressure[cell[i]] if cell.size else np.int64(0)
            for channel in range(member.shape[1]):
                grows += hazard[member[i, channel]]
            store.left[i] -= grows
            if store.left[i] < 0:
                store.stage[i] = E
                store.due[i] = (step + days(spell_word(law, store.spell, i, LATENT), law.latent)) % law.ring
                change[S] -= 1
                change[E] += 1
        elif stage == E and store.due[i] == now:
            stage = I
            store.stage[i] = I
            store.due[i] = (step + days(spell_word(law, store.spell, i, DURATION), law.infectious)) % law.ring
            change[E] -= 1
            change[I] += 1
        elif stage == I and store.due[i] == now:
            stage = R
            store.stage[i] = R
            store.due[i] = immune_until(step, law, store, i)
            change[I] -= 1
            change[R] += 1
        elif stage == R and law.wanes and store.due[i] == now:
            begin_anew(law, store, i)
            change[R] -= 1
            change[S] += 1
        if stage == I:
            speakers[at] = i
            at += 1
    return at


@final
class SeirVenueAgents:
    """n synthetic agents in the clear, on the CPU: `cell_totals`, `tally` and `update`, as `Agents` has them.

    The bits do not depend on the number of threads.

    Attributes:
        step: steps done.
    """

    def __init__(
        self,
        model: Seir,
        venues: Venues,
        *,
        key: tuple[int, int],
        first: int,
        share_bits: int,
        cell: I32,
        cells: int,
        threads: int = 1,
    ) -> None:
        """Draw the agents' thresholds and initial stages.

        Args:
            model: of the run; its channels are the settings, its betas hazards per unit of exposure.
            venues: of the agents.
            key: of the simulation generator.
            first: number of the first agent; the others follow.
            share_bits: fraction bits of exposures in venues.
            cell: int32[n], with `cells` their number; empty where there are none.
            threads: how many share the work.

        Raises:
            ParameterError: other channels than settings, or a cell that is not there.
            WouldWrap: hazards of one step could reach 2**62.
        """
        n = venues.n
        if len(model.beta) != len(venues.settings):
            raise ParameterError(f"got {len(venues.settings)} settings for {len(model.beta)} channels; one beta each")
        low, high = int(cell.min(initial=0)), int(cell.max(initial=0))
        if cell.size != (n if cells else 0) or low < 0 or high >= max(cells, 1):
            raise ParameterError(f"got cells {low} to {high} of {cell.size} agents, for {n} in {cells} cells")
        largest = sum(model.beta) * venues.largest_exposure(1, bits=share_bits) + model.cell_beta
        if max(largest, LARGEST_DRAW << model.f) >= 2**62:
            raise WouldWrap(f"a step's hazard could reach {largest}; use smaller betas or fewer fraction bits")
        prove_no_wrap({"what is said in one venue": n << 32})
        self._beta, self._venues, self._cell, self._cells = model.beta, venues, cell, cells
        self._law = law_of(model, key=key, base=first, beta=0, due=np.uint16)
        stage, left = np.zeros(n, dtype=np.uint8), np.zeros(n, dtype=np.int64)
        self._store = SeirStore(stage, np.zeros(n, dtype=np.uint16), left, spells_of(model, n))
        self._workers = Workers(n, threads)
        self._sums = VenueHazards(venues, bits=share_bits, threads=threads)
        self._speakers = np.empty(n, dtype=np.int32)
        law, store, speakers = self._law, self._store, self._speakers
        self._ends = [int(end) for end in self._workers.each(lambda _, span: start(span, law, store, speakers))]
        self._counts = np.zeros(len(Stage), dtype=np.int64)
        self._counts[I] = sum(end - begin for end, (begin, _) in zip(self._ends, self._workers.ranges, strict=True))
        self._counts[S] = n - self._counts[I]
        self.step = 0

    def tally(self) -> I64:
        """Return how many agents are in each stage, int64[q]."""
        return self._counts.copy()

    @property
    def stage(self) -> np.ndarray[Any, np.dtype[np.uint8]]:
        """Stage of each agent, uint8[n]; the engine's own memory, for reading."""
        view: np.ndarray[Any, np.dtype[np.uint8]] = self._store.stage.view()
        view.flags.writeable = False
        return view

    def hazard(self) -> I64:
        """Return the summed hazard of each susceptible agent, int64[n]; 0 for the others."""
        tau = np.zeros(self._venues.n, dtype=np.int64)
        self._workers.each(lambda _, span: thresholds(span, self._law, self._store.spell, tau))
        return np.where(self._store.stage == S, tau - self._store.left, 0)

    def cell_totals(self) -> I64:
        """Return what the agents say to each cell, int64[cells]."""
        parts = zip(self._ends, self._workers.ranges, strict=True)
        speakers = np.concatenate([self._speakers[begin:end] for end, (begin, _) in parts])
        here = self._cell[speakers] if self._cells else speakers[:0]
        return np.bincount(here, minlength=self._cells)[: self._cells].astype(np.int64)

    def update(self, pressure: I64, *, step: int) -> None:
        """Move on by one step.

        Args:
            pressure: int64[cells], the hazard that each cell exerts.
            step: of the run.

        Raises:
            ParameterError: another step than the next.
        """
        if step != self.step:
            raise ParameterError(f"got step {step}; the next is {self.step}")
        sums, member = self._sums, self._venues.member
        speakers, ends, law, store, cell = self._speakers, self._ends, self._law, self._store, self._cell
        sums.total[:] = 0
        self._workers.each(lambda thread, span: speak(speakers[span[0] : ends[thread]], member, sums.total[thread]))
        sums.add_up(self._beta)
        changes = np.zeros((len(self._workers), len(Stage)), dtype=np.int64)
        hazard = sums.hazard
        self._ends = self._workers.each(
            lambda thread, span: _advance(
                span, step, law, store, (hazard, member, pressure, cell, speakers, changes[thread])
            )
        )
        self._counts += changes.sum(axis=0)
        self.step += 1
