"""Scores of whole runs at the engine, and gradients from scores and outputs of many runs."""

from dataclasses import dataclass
from typing import Final, final

import numpy as np
import numpy.typing as npt

from lpm_secure.engine.loop import PrivatePart, StepRelease
from lpm_secure.engine.series import StageSeries
from lpm_secure.engine.tensors.agents import Agents
from protocols.arithmetic.fixed_point import I64
from protocols.errors import ParameterError, ProtocolError
from protocols.models import Exposure, Stage, State
from protocols.models.gradient import Gradient
from protocols.models.seir.integer_score import SCALE, UNIT
from protocols.models.seir.score import ScoreAccumulator
from protocols.task.gradients.hidden_score import score_words
from protocols.task.manifest import Simulation

F64 = npt.NDArray[np.float64]
Q: Final = len(Stage)


@final
class ScoredAgents:
    """Agents of the engine that add up their scores as they step."""

    def __init__(self, manifest: Simulation, agents: Agents) -> None:
        """Take in the initial draws."""
        self.agents = agents
        n = agents.state["stage"].shape[0]
        self.scores = ScoreAccumulator(
            manifest.model.require_seir("scores"),
            manifest.require_gradient(),
            channels=manifest.channels,
            state=_plain(agents.state),
            susceptibility=np.ones(n),
        )

    def update(self, totals: I64, *, step: int) -> None:
        """Move the agents on by one step; `totals` is what everybody says to each cell."""
        before = _plain(self.agents.state)
        self.agents.update(totals, step=step)
        heard = self.agents.heard
        if heard is not None:
            told = Exposure(heard.contact.cpu().numpy(), heard.pressure.cpu().numpy())
            self.scores.observe(before, told, _plain(self.agents.state))


@final
class ClearScores(PrivatePart):
    """The oracle: all private agents in this process, in the clear."""

    def __init__(self, manifest: Simulation, agents: Agents) -> None:
        """Simulate these agents."""
        self._manifest, self._scored = manifest, ScoredAgents(manifest, agents)

    async def advance(self, step: int, synthetic: I64) -> StepRelease:
        """Move the agents on, and return their totals before that; the score beside the last tally."""
        agents, manifest = self._scored.agents, self._manifest
        cells, tally = agents.cell_totals(), agents.tally()
        score = np.zeros(score_words(manifest.gradient), dtype=np.int64)
        if step < manifest.steps:
            self._scored.update(cells + synthetic, step=step)
        else:
            score = self._scored.scores.encode()
        return StepRelease(cells, np.concatenate([tally, score]), len(manifest.clients), 0)


@final
@dataclass(frozen=True, slots=True, eq=False)
class ScoredSeries:
    """A run's series with its score, float64[p], over private and synthetic agents."""

    series: StageSeries
    score: F64


async def simulate_scores(manifest: Simulation, private: PrivatePart, synthetic: Agents) -> ScoredSeries:
    """Run steps 0 to T, and return the series of stage counts with the score of all that was drawn.

    Args:
        manifest: of the run, which takes scores.
        private: the private agents, remote or in the clear.
        synthetic: the engine's own; may be none at all.
    """
    given, scored = manifest.require_gradient(), ScoredAgents(manifest, synthetic)
    counts, score = [], np.zeros(score_words(manifest.gradient), dtype=np.int64)
    for step in range(manifest.steps + 1):
        totals = synthetic.cell_totals()
        release = await private.advance(step, totals)
        counts.append(np.stack([release.tally[:Q], synthetic.tally()]))
        if step < manifest.steps:
            scored.update(totals + release.cells, step=step)
        else:
            score = release.tally[Q:] + scored.scores.encode()
    return ScoredSeries(StageSeries(np.stack(counts), manifest.dt), _real(score, given))


def _real(score: I64, given: Gradient) -> F64:
    """Return float64[p] from the words of a score.

    Raises:
        ProtocolError: the aggregators' shares of it do not fit together.
    """
    real: F64 = np.ldexp(score[: given.p].astype(np.float64), -given.tangent_bits)
    if SCALE in given.parameters:
        if score[given.p]:
            raise ProtocolError(
                "the aggregators could not add up the score: one of them missed a multiplication; all else of the run "
                "holds, begin another one for the score"
            )
        at = given.parameters.index(SCALE)
        real[at] = score[at] / UNIT
    return real


def gradient_of(outputs: F64, scores: F64) -> tuple[F64, F64]:
    """Return derivatives of mean outputs, and their standard errors, from independent runs.

    Args:
        outputs: float64[runs, k], any outputs of each run.
        scores: float64[runs, p], its score.

    Returns:
        float64[k, p] twice: the sample covariance, whose own mean is the baseline, and the error of that.

    Raises:
        ParameterError: fewer than three runs.
    """
    runs = len(outputs)
    if runs < 3 or len(scores) != runs:
        raise ParameterError(f"got {runs} outputs and {len(scores)} scores; at least 3 runs are needed, with one each")
    centred = outputs - outputs.mean(axis=0)
    products = centred[:, :, None] * (scores - scores.mean(axis=0))[:, None, :]
    estimate: F64 = products.sum(axis=0) / (runs - 1)
    error: F64 = products.std(axis=0, ddof=1) / np.sqrt(runs)
    return estimate, error


def _plain(state: State) -> State:
    return {name: value.cpu().numpy() for name, value in state.items()}
