"""A client's scores: added up as its agents step, and told once, as shares, when the run closes."""

from typing import final

import numpy as np

from client_sdk.private.state import PrivateState
from protocols.arithmetic.fixed_point import I64
from protocols.errors import DataError
from protocols.models import Exposure, Stage, State
from protocols.models.agent_model import StepInputs
from protocols.models.gradient import Gradient
from protocols.models.graph.agents import GraphModel
from protocols.models.likelihood.graph_score import GraphScore
from protocols.models.run_model import RunModel
from protocols.models.seir.agents import susceptibility
from protocols.models.seir.integer_score import SCALE, coarse, coarse_beta
from protocols.models.seir.score import ScoreAccumulator
from protocols.task.gradients.hidden_score import COLUMNS, is_hidden, score_words
from protocols.task.layout import Layout
from protocols.task.manifest import Simulation


@final
class OwnScore:
    """The scores of one client's agents; idle where the manifest asks for none.

    Security: leaves the client once, in the closing round, summed over its agents, each clipped, and shared like the
        tally beside it. Only the sum over at least `min_cohort` clients is opened.
    """

    __slots__ = ("_hazard", "_hidden", "_manifest", "_own", "_private", "_scores", "_words")

    def __init__(self, manifest: Simulation, private: PrivateState) -> None:
        """Take in the initial draws."""
        self._manifest, self._private, gradient = manifest, private, manifest.gradient
        self._words, self._hidden = score_words(gradient), is_hidden(gradient, manifest.mode)
        self._own = Layout.of(manifest).own[private.name]
        self._hazard = np.zeros(private.source.agents.size, dtype=np.int64)  # own part of the last step's
        if self._hidden:
            _check(manifest, private)
        self._scores: ScoreAccumulator | GraphScore | None = None
        if gradient is not None and gradient.way == "score":
            self._scores = _scores_of(manifest.model, gradient, manifest.channels, private)

    def observe(self, inputs: StepInputs, after: State) -> None:
        """Take in a step from what reached own agents and the state that it led to."""
        if self._scores is None:
            return
        if isinstance(self._scores, GraphScore):
            self._scores.observe(self._private.state, inputs)
            return
        told, model = Exposure(inputs.contact, inputs.pressure[:, 0]), self._manifest.model.require_seir("scores")
        self._scores.observe(self._private.state, told, after)
        if self._hidden:
            self._hazard = told.contact @ coarse_beta(model.beta, model.f) + coarse(told.pressure, model.f)

    def columns(self, spoken: I64) -> I64:
        """Return int64[n, c] with two columns more where aggregators add up a score on shares.

        In own agents' rows stand what this client knows of their hazards in the step before, and who is susceptible.
        """
        if not self._hidden:
            return spoken
        wide = np.concatenate([spoken, np.zeros((len(spoken), COLUMNS), dtype=np.int64)], axis=1)
        first, end = self._own
        wide[first:end, -2] = self._hazard
        wide[first:end, -1] = self._private.state["stage"] == int(Stage.S)
        return wide

    def append_to(self, tally: I64, step: int) -> I64:
        """Return the tally with the score's words behind it: the score in the closing round, zeros before."""
        words = np.zeros(self._words, dtype=np.int64)
        if self._scores is not None and step == self._manifest.steps:
            words = self._scores.encode()
            if self._hidden:  # what this client knows of hazards is not all: the aggregators add it up
                words[self._manifest.require_gradient().parameters.index(SCALE)] = 0
        return np.concatenate([tally, words])


def _scores_of(
    model: RunModel, gradient: Gradient, channels: tuple[str, ...], private: PrivateState
) -> ScoreAccumulator | GraphScore:
    """Return the scores of a model's graph; of S-E-I-R its own, whose laws move as the manifest says, and `scale`."""
    if isinstance(model, GraphModel):
        return GraphScore(model, gradient, private.source, private.columns)
    scaled = susceptibility(private.columns, private.source.agents.size)
    return ScoreAccumulator(model, gradient, channels=channels, state=private.state, susceptibility=scaled)


def _check(manifest: Simulation, private: PrivateState) -> None:
    """Refuse data that could exceed what the proof against wrapping counts on.

    Raises:
        DataError: a susceptibility other than 1, or contacts that could exceed the largest hazard.
    """
    n = private.source.agents.size
    if (susceptibility(private.columns, n) != 1.0).any():
        raise DataError("in outcome mode scores are of agents of susceptibility 1; ask for mode sum, or leave it out")
    largest = manifest.require_gradient().largest_hazard
    model = manifest.model.require_seir("scores")
    beta = np.array(model.beta, dtype=np.int64)
    for number, day in enumerate(private.contacts.days):
        hazard = np.full(n, model.cell_beta, dtype=np.int64)
        np.add.at(hazard, day.sender, day.weight * beta[day.channel])
        if hazard.size and int(hazard.max()) > largest * 2.0**model.f:
            raise DataError(
                f"on day {number} an agent's contacts could exceed the largest hazard that the manifest names, "
                f"{largest:g}; leave contacts out, or ask for another manifest"
            )
