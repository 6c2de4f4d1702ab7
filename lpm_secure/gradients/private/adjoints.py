"""Private clients as a part of a torch graph: `loss.backward()` on the engine's side goes through them."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, final

import torch

from lpm_secure.engine.loop import PrivatePart
from lpm_secure.gradients.private.reversible_tensors import ReversibleTensors
from protocols.arithmetic.counters import RoundNumber
from protocols.errors import ParameterError, ProtocolError
from protocols.models.dynamics import Relaxation
from protocols.task.gradients.turn import Turn, turns
from protocols.task.layout import Layout

Pair = tuple[torch.Tensor, torch.Tensor]


@final
class PrivateAdjoints:
    """Private agents on their clients, behind the aggregators, in a run with adjoints.

    Each pass is all steps forth and, when the loss is differentiated, all steps back. Calls run in the event loop that
    owns the transports, which must be another thread's.

    Security: the engine sees releases only: on the way forth cell totals and tallies, on the way back derivatives by
        cells and parameters, each over at least `min_cohort` clients. What it announces is public.
    """

    def __init__(self, run: Relaxation, layout: Layout, remote: PrivatePart, loop: asyncio.AbstractEventLoop) -> None:
        """Drive the clients of a run from its first round on."""
        if run.gradient.way != "adjoints":
            raise ParameterError(f"the run takes {run.gradient.way}; ask for adjoints in its manifest")
        self._gradient, self.steps, self._remote, self._loop = run.gradient, run.steps, remote, loop
        model = run.model.agents
        self._cells, self._words, self._q = len(run.sizes) * len(model.cell_most), layout.cells, len(model.tally)
        self._m = run.gradient.p
        self._number = RoundNumber(0)
        self._members: int | None = None
        self._pass = _Pass()

    def begin(self, theta: torch.Tensor) -> None:
        """Begin a pass.

        Raises:
            ParameterError: the pass before was not differentiated, or the manifest allows no further pass.
        """
        length = turns(self.steps)
        if self._number % length:
            raise ParameterError("the pass before waits for its way back; call backward() on its loss first")
        if self._number >= self._gradient.passes * length:
            raise ParameterError(f"the run's {self._gradient.passes} passes are over; ask for more in a manifest")
        self._pass = _Pass()
        nothing = torch.zeros(self._cells, dtype=torch.float64)
        _, _, self._pass.link = _drive(self, -1, nothing, theta, self._pass.link)

    def advance(self, t: int, synthetic: torch.Tensor, theta: torch.Tensor) -> Pair:
        """Announce step t, and return what it releases."""
        cells, tally, self._pass.link = _drive(self, t, synthetic, theta, self._pass.link)
        return cells, tally

    def forth(self, synthetic: torch.Tensor, theta: torch.Tensor) -> Pair:
        """Drive one round on the way forth."""
        block = self._round(synthetic, theta) * 2.0**-self._gradient.value_bits
        return block[: self._cells], block[self._cells : self._cells + self._q]

    def back(self, t: int, by_cells: torch.Tensor, by_tally: torch.Tensor) -> Pair:
        """Drive the rounds on the way back to step t; steps that the loss does not see count for nothing."""
        while not (turn := Turn.of(self._number, self.steps)).forth and turn.t > t:
            self._round(torch.zeros(self._cells), _announcement(torch.zeros(self._q), 1.0))
        if turn.forth or turn.t != t:
            raise ProtocolError(f"the way back does not stand at step {t}: differentiate a pass once, when it is whole")
        before, unit = self._pass.units(by_cells, by_tally)
        block = self._round(by_cells / unit, _announcement(by_tally / unit, before / unit))
        block = block * (2.0**-self._gradient.tangent_bits * before)
        return block[: self._cells], block[self._cells : self._cells + self._m]

    def _round(self, cells: torch.Tensor, rest: torch.Tensor) -> torch.Tensor:
        """Announce a block, and return the one that is released, as float64."""
        announced = torch.zeros(self._words, dtype=torch.float64)
        announced[: self._cells] = cells
        announced[self._cells : self._cells + rest.numel()] = rest
        call = self._remote.advance(self._number, announced.numpy().view("i8"))
        release = asyncio.run_coroutine_threadsafe(call, self._loop).result()
        self._number = RoundNumber(self._number + 1)
        if self._members not in (None, release.members):
            raise ProtocolError(
                f"{release.members} clients took part, and {self._members} before: a gradient needs the same in every "
                "round; begin another run"
            )
        self._members = release.members
        return torch.from_numpy(release.cells.astype("f8"))


@final
@dataclass(slots=True)
class _Pass:
    """One way forth and back: the chain of its rounds, and the unit of derivatives on the wire."""

    link: torch.Tensor = field(default_factory=lambda: torch.zeros(1, requires_grad=True))
    unit: float = 0.0

    def units(self, *found: torch.Tensor) -> tuple[float, float]:
        """Return the unit before and after: a power of two that no derivative announced so far exceeds by much.

        Rounding is so many bits below the largest derivative, whatever the loss is measured in.
        """
        largest = max((float(each.abs().max()) for each in found if each.numel()), default=0.0)
        before = self.unit
        if largest:
            self.unit = max(self.unit, 2.0 ** int(torch.frexp(torch.tensor(largest, dtype=torch.float64)).exponent))
        return before or self.unit or 1.0, self.unit or 1.0


def _announcement(by_tally: torch.Tensor, units: float) -> torch.Tensor:
    """Return what is announced beside derivatives by cells: those by the tally, and the old unit in new units."""
    return torch.cat([by_tally, torch.tensor([units], dtype=by_tally.dtype)])


@final
class _Round(torch.autograd.Function):
    """One round: on the way forth a step of all clients, on the way back the sum over reversed edges.

    `link` chains the rounds, so that autograd takes them in reverse order, and leaves none out.
    """

    @staticmethod
    def forward(  # noqa: PLR0917 - as autograd calls it
        ctx: Any, private: PrivateAdjoints, t: int, synthetic: torch.Tensor, theta: torch.Tensor, link: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Drive the round; return private cell totals, tally and the next link."""
        ctx.private, ctx.t = private, t
        cells, tally = private.forth(synthetic, theta)
        return cells, tally, link + 0.0

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[None, None, torch.Tensor, torch.Tensor, torch.Tensor]:
        """Drive the round on the way back; return the derivatives by synthetic cell totals and parameters."""
        by_cells, by_theta = ctx.private.back(ctx.t, grads[0], grads[1])
        return None, None, by_cells, by_theta, torch.zeros(1)


_drive: Final[Callable[..., tuple[torch.Tensor, torch.Tensor, torch.Tensor]]] = _Round.apply


def mean_counts(private: PrivateAdjoints, synthetic: ReversibleTensors, theta: torch.Tensor) -> torch.Tensor:
    """Run steps 0 to T of the relaxed dynamics, and return expected totals, differentiable by `theta`.

    Args:
        private: the private agents, remote or in the clear.
        synthetic: the engine's own; may be none at all.
        theta: float64[m] for all steps, or float64[T, m]; agents begin with the first row: by how much each parameter
            that the manifest names differs from its value there. It may come from a network: nothing else reaches the
            clients.

    Returns:
        float64[T + 1, 2, q]: day, private or synthetic, stage or observable.
    """
    steps = private.steps
    rows = theta.expand(steps, -1)
    private.begin(rows[0])
    synthetic.begin(rows[0])
    counts = []
    for t in range(steps + 1):
        row, cells = rows[min(t, steps - 1)], synthetic.cells()
        totals, tally = private.advance(t, cells, row)
        counts.append(torch.stack([tally, synthetic.tally()]))
        if t < steps:
            synthetic.update(cells + totals, row, t)
    return torch.stack(counts)
