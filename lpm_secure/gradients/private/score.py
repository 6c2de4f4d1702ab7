"""Scores of whole runs at the engine, and gradients from scores and outputs of many runs."""

from dataclasses import dataclass, replace
from typing import final

import numpy as np
import numpy.typing as npt

from lpm_secure.engine.graph_population import GraphPopulation
from lpm_secure.engine.loop import ClearPart, EngineAgents, PrivatePart, StepRelease, simulate
from lpm_secure.engine.series import StageSeries
from lpm_secure.environments.environment import Environment
from protocols.arithmetic.fixed_point import I64
from protocols.errors import ParameterError, ProtocolError
from protocols.models.gradient import Gradient
from protocols.models.likelihood.factors.integer_score import UNIT
from protocols.models.likelihood.graph_score import GraphScore
from protocols.task.gradients.hidden_score import score_words
from protocols.task.manifest import SimulationManifest

F64 = npt.NDArray[np.float64]


@final
class ScoredAgents:
    """Agents of the engine that add up their scores as they step."""

    def __init__(self, gradient: Gradient, agents: EngineAgents) -> None:
        """Take in the initial draws.

        Raises:
            ParameterError: the agents live in a population.
        """
        if not isinstance(agents, GraphPopulation):
            raise ParameterError("agents of a population have no score; leave the population out")
        self.agents = agents
        self.scores = GraphScore(agents.model, gradient, agents.source, agents.columns)
        agents.attach(self.scores)

    def cell_totals(self) -> I64:
        """Return what the agents say to each cell."""
        return self.agents.cell_totals()

    def tally(self) -> I64:
        """Return the totals of the model's stages and observables."""
        return self.agents.tally()

    def update(self, totals: I64, *, step: int) -> None:
        """Move the agents on by one step, and tell the score; arguments are those of `EngineAgents`."""
        self.agents.update(totals, step=step)


@final
class ClearScores(PrivatePart):
    """The oracle: all private agents in this process, in the clear."""

    def __init__(self, manifest: SimulationManifest, agents: EngineAgents) -> None:
        """Simulate these agents."""
        self._scored, self._steps = ScoredAgents(manifest.require_gradient(), agents), manifest.steps
        self._part, self._words = ClearPart(manifest, self._scored), score_words(manifest.gradient)

    async def advance(self, step: int, announced: I64) -> StepRelease:
        """Move the agents on, and return their totals before that; the score beside the last tally."""
        release = await self._part.advance(step, announced)
        last = step == self._steps
        score = self._scored.scores.encode() if last else np.zeros(self._words, dtype=np.int64)
        return replace(release, tally=np.concatenate([release.tally, score]))


@final
class _Tallies(PrivatePart):
    """Private agents whose scores are set apart from their tallies.

    Attributes:
        score: int64[words], of the last release.
    """

    def __init__(self, private: PrivatePart, words: int) -> None:
        """Set so many words apart."""
        self._private, self._words = private, words
        self.score = np.zeros(words, dtype=np.int64)

    async def advance(self, step: int, announced: I64) -> StepRelease:
        """Return the release without the score."""
        release = await self._private.advance(step, announced)
        tally, self.score = np.split(release.tally, [release.tally.size - self._words])
        return replace(release, tally=tally)


@final
@dataclass(frozen=True, slots=True, eq=False)
class ScoredSeries:
    """A run's series with its score, float64[p], over private and synthetic agents."""

    series: StageSeries
    score: F64


async def simulate_scores(
    manifest: SimulationManifest,
    private: PrivatePart,
    synthetic: EngineAgents,
    *,
    environment: Environment | None = None,
) -> ScoredSeries:
    """Run steps 0 to T, and return the series of the tally with the score of all that was drawn.

    Args:
        manifest: of the run, which takes scores.
        private: the private agents, remote or in the clear.
        synthetic: the engine's own; may be none at all.
        environment: of the model, if it hears public numbers.
    """
    gradient = manifest.require_gradient()
    scored, told = ScoredAgents(gradient, synthetic), _Tallies(private, score_words(gradient))
    series = await simulate(manifest, told, scored, environment=environment)
    return ScoredSeries(series, _real(told.score + scored.scores.encode(), gradient))


def _real(score: I64, given: Gradient) -> F64:
    """Return float64[p] from the words of a score.

    Raises:
        ProtocolError: the aggregators' shares of it do not fit together.
    """
    real: F64 = np.ldexp(score[: given.p].astype(np.float64), -given.tangent_bits)
    if given.factors:
        if score[given.p]:
            raise ProtocolError(
                "the aggregators could not add up the score: one of them missed a multiplication; all else of the run "
                "holds, begin another one for the score"
            )
        at = list(given.factors.values())
        real[at] = score[at] / UNIT
    return real
