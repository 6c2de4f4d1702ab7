"""A client's scores: added up as its agents step, and told once, as shares, when the run closes."""

from typing import final

import numpy as np

from client_sdk.private.state import PrivateState
from protocols.arithmetic.fixed_point import I64
from protocols.errors import DataError
from protocols.models.agent_model import StepInputs
from protocols.models.gradient import Gradient
from protocols.models.graph.agents import GraphModel
from protocols.models.likelihood.factors.level_factors import LevelFactor, factors_of
from protocols.models.likelihood.graph_score import GraphScore
from protocols.task.gradients.hidden_score import COLUMNS, score_words
from protocols.task.layout import Layout
from protocols.task.release_plan import ReleasePlan


@final
class OwnScore:
    """The scores of one client's agents; idle where the manifest asks for none.

    Security: leaves the client once, in the closing round, summed over its agents, each clipped, and shared like the
        tally beside it. Only the sum over at least `min_cohort` clients is opened.
    """

    __slots__ = ("_hidden", "_own", "_places", "_private", "_scores", "_steps", "_words")

    def __init__(
        self, model: GraphModel, plan: ReleasePlan, layout: Layout, private: PrivateState, *, factors: int
    ) -> None:
        """Take in the initial draws.

        Args:
            model: of the run.
            plan: of its releases, with what the score is by.
            layout: of its vectors.
            private: the client's agents.
            factors: common factors of which aggregators add up the score on shares.

        Raises:
            DataError: of a score that is added up on shares, contacts could exceed the largest hazard, or a threshold
                is known.
        """
        self._private, self._steps, gradient = private, plan.steps, plan.gradient
        self._words, self._hidden, self._own = score_words(gradient), factors, layout.own[private.name]
        self._places = [] if gradient is None else list(gradient.factors.values())
        self._scores: GraphScore | None = None
        if gradient is not None and gradient.way == "score":
            for factor in factors_of(model, tuple(gradient.factors)):
                _check(model, factor, gradient, private)
            self._scores = GraphScore(model, gradient, private.source, private.columns)

    def observe(self, inputs: StepInputs) -> None:
        """Take in what reached own agents in a step, before they move on."""
        if self._scores is not None:
            self._scores.observe(self._private.state, inputs)

    def columns(self, spoken: I64) -> I64:
        """Return int64[n, c] with three columns more for each score that aggregators add up on shares.

        In own agents' rows stand what this client knows of their hazards in the step before, who escaped these, and who
        crossed its threshold.
        """
        if not self._hidden or self._scores is None:
            return spoken
        wide = np.concatenate([spoken, np.zeros((len(spoken), COLUMNS * self._hidden), dtype=np.int64)], axis=1)
        first, end = self._own
        wide[first:end, spoken.shape[1] :] = np.concatenate(list(self._scores.hazards), axis=1)
        return wide

    def append_to(self, tally: I64, step: int) -> I64:
        """Return the tally with the score's words behind it: the score in the closing round, zeros before."""
        words = np.zeros(self._words, dtype=np.int64)
        if self._scores is not None and step == self._steps:
            words = self._scores.encode()
            if self._hidden:  # what this client knows of hazards is not all: the aggregators add it up
                words[self._places] = 0
        return np.concatenate([tally, words])


def _check(model: GraphModel, factor: LevelFactor, gradient: Gradient, private: PrivateState) -> None:
    """Refuse data that could exceed what the proof against wrapping counts on, and thresholds that were not drawn.

    Raises:
        DataError: it is so.
    """
    known, agents = private.columns.get(factor.threshold), model.agents
    if known is not None and (known >= model.graph.fields[factor.threshold].low).any():
        raise DataError(f"{factor.threshold} is known of an agent, and only what is drawn has a score; leave it out")
    outcome, n = agents.outcomes[factor.column], private.source.agents.size
    loudest = np.array([m * c for m, c in zip(agents.most, factor.by_channel, strict=True)], dtype=np.int64)
    is_along = np.array([along is not None for along in agents.along], dtype=np.bool_)
    for number, day in enumerate(private.contacts.days):
        hazard = np.full(n, sum(outcome.cell_coefficients), dtype=np.int64)
        np.add.at(hazard, day.sender, np.where(is_along[day.channel], 1, day.weight) * loudest[day.channel])
        if hazard.size and int(hazard.max()) > gradient.largest_hazard * 2.0**factor.bits:
            raise DataError(
                f"on day {number} an agent's contacts could exceed the largest hazard that the manifest names, "
                f"{gradient.largest_hazard:g}; leave contacts out, or ask for another manifest"
            )
