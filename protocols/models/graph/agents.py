"""A graph with its parameters, as a manifest carries it and as the parties of a run meet it."""

import hashlib
from collections import Counter
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Final, final

import msgspec
import numpy as np

from protocols.arithmetic.fixed_point import I64
from protocols.errors import ModelError, ParameterError
from protocols.models.agent_model import (
    SILENT,
    UNKNOWN,
    AgentModel,
    AgentSource,
    Bools,
    Columns,
    ColumnSpec,
    Edges,
    StepInputs,
    TallyWord,
    times_weight,
)
from protocols.models.graph.bounds import bounds_of, prove
from protocols.models.graph.checks import check
from protocols.models.graph.course import Course
from protocols.models.graph.draws import DrawSource
from protocols.models.graph.graph import MAX_BYTES, GraphField, ModelGraph, Name, Word, encode
from protocols.models.graph.inputs import (
    check_columns,
    check_known,
    check_parameters,
    edges_of,
    knowable,
    state_before_begin,
)
from protocols.models.graph.interpreter import Inputs, check_elapsed, evaluate
from protocols.models.graph.stages import is_left_once, speakers
from protocols.models.outcome import LARGEST_SUM, OutcomeSpec
from protocols.models.state import State

BEGINNING: Final = 0
MAX_TALLY: Final = 2**12  # stages and observables


@final
class GraphModel(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="graph", tag_field="kind", dict=True):
    """A model as data, and the value of each of its parameters.

    Attributes:
        graph: of the model.
        parameters: a whole number of each, or the numbers of a table, row by row.

    Security: checked, bounded and costed by every party for itself when the manifest is decoded.
    """

    graph: ModelGraph
    parameters: dict[Name, Word | tuple[Word, ...]] = {}

    def __post_init__(self) -> None:
        """Check the graph, and that parameters lie in their ranges; what arrives in a manifest is not trusted.

        Raises:
            ModelError, BoundError, ParameterError: in one line, what is wrong.
        """
        if len(self._content) > MAX_BYTES:
            raise ModelError(f"the model has {len(self._content)} bytes; at most {MAX_BYTES} are allowed")
        check(self.graph)
        prove(self.graph)
        unknown = sorted(set(self.parameters) - set(self.graph.parameters))
        if unknown:
            raise ParameterError(f"the model has no parameter {unknown[0]}; it has {', '.join(self.graph.parameters)}")
        check_parameters(self.graph, self.parameters)
        self._check_tally()

    def _check_tally(self) -> None:
        names = Counter(word.name for word in tally_of(self.graph))
        if names.total() > MAX_TALLY:
            raise ParameterError(f"the model has {names.total()} stages and observables; a run releases {MAX_TALLY}")
        twice = [name for name, count in names.items() if count > 1]
        if twice:
            raise ParameterError(f"two totals of the model are called {twice[0]}; rename a stage or an observable")

    @cached_property
    def _content(self) -> bytes:
        return encode(self.graph)

    @property
    def digest(self) -> str:
        """SHA-256 of the graph."""
        return hashlib.sha256(self._content).hexdigest()

    @cached_property
    def agents(self) -> "ModelInterpreter":
        """The model as parties meet it."""
        return ModelInterpreter(self)

    @cached_property
    def recurrence(self) -> str:
        """Why an agent may leave the first stage more than once; nothing where intervals prove that it cannot."""
        fields = [name for name, field in self.graph.fields.items() if field.stages]
        if len(fields) != 1:
            return f"the model has {len(fields)} fields of stages"
        if is_left_once(self.graph, fields[0]):
            return ""
        return f"an agent may come back to {self.graph.fields[fields[0]].stages[0]}"

    @cached_property
    def stays(self) -> tuple[tuple[int, ...], ...]:
        """Laws of days in the stages between the first and the last; none where it is not proved that they have one."""
        fields = [name for name, field in self.graph.fields.items() if field.stages]
        return Course(self.graph, self.agents.parameters, fields[0]).stays() if len(fields) == 1 else ()

    @property
    def longest_message(self) -> int:
        """For how many steps an agent may tell its cell something; 0 where that has no proved bound."""
        stays, speakers = self.stays, self.agents.speakers
        if not stays or any(not 1 <= stage <= len(stays) for stage in speakers):
            return 0
        return sum(len(stays[stage - 1]) for stage in speakers) + 1 if speakers else 0

    @property
    def contact_channels(self) -> tuple[str, ...]:
        """Names of the channels along contacts, in order."""
        return tuple(sorted(name for name, channel in self.graph.channels.items() if not channel.cell))

    def check_channels(self, names: tuple[str, ...]) -> None:
        """Refuse a run whose contact channels are others; lists of contacts may call all of them by other names.

        Raises:
            ParameterError: they are.
        """
        own = self.contact_channels
        if names != own and (len(names) != len(own) or set(names) & set(own)):
            raise ParameterError(f"the run has the channels {names}; the model tells on {self.contact_channels}")


@final
class ModelInterpreter(AgentModel):
    """Interprets a graph on numpy."""

    def __init__(self, model: GraphModel) -> None:
        """Take a model that has been checked."""
        graph = model.graph
        self.graph = graph
        self.parameters: dict[str, Any] = check_parameters(graph, model.parameters)
        self._contacts = model.contact_channels
        self.cell_channels = tuple(sorted(name for name, channel in graph.channels.items() if channel.cell))
        self.directed = tuple(graph.channels[name].directed for name in self._contacts)
        self.most = tuple(graph.channels[name].most for name in self._contacts)
        self.along = tuple(graph.channels[name].along for name in self._contacts)
        self.cell_most = tuple(graph.channels[name].most for name in self.cell_channels)
        self._largest = self._weight_bounds()
        self.outcomes = tuple(self._outcome(name) for name in sorted(graph.outcomes))
        self.tally = tally_of(graph)
        self.cell_field = graph.cell_field
        self.cell_names = graph.fields[self.cell_field].cells if self.cell_field else ()
        self.public = dict(sorted(graph.public.items()))
        known = knowable(graph)
        self.columns = tuple(
            _column_spec(name, field) for name, field in sorted(graph.fields.items()) if field.private or name in known
        )

    @cached_property
    def speakers(self) -> tuple[int, ...]:
        """What intervals prove of the one field of stages; none where there are several."""
        fields = [name for name, field in self.graph.fields.items() if field.stages]
        return speakers(self.graph, fields[0]) if len(fields) == 1 else ()

    def initial_state(self, source: AgentSource, columns: Columns) -> State:
        """Return private columns, what its holder knows of each agent's state, and else what is drawn."""
        inputs = self.inputs_of_begin(source, columns)
        private = {name: inputs.state[name] for name, field in self.graph.fields.items() if field.private}
        return {**private, **evaluate(self.graph, ("begin",), inputs)["begin"]}

    def inputs_of_begin(self, source: AgentSource, columns: Columns) -> Inputs:
        """Return what agents look at as they begin.

        Raises:
            DataError: a column is missing, or out of its range.
        """
        n = source.agents.size
        given = check_known(self.graph, select_field_columns(self.graph, columns), n)
        state, known = state_before_begin(self.graph, {**check_columns(self.graph, columns, n), **given}, n)
        draws = DrawSource(source.agents, BEGINNING, source.key)
        inputs = Inputs(state, self.parameters, draws, known=known)
        check_elapsed(self.graph, inputs)
        return inputs

    def draw_state(self, draw: np.random.Generator, n: int) -> dict[str, np.ndarray]:
        """Return all fields, drawn from their ranges: what is proved of the graph holds for every such state."""
        return {
            name: draw.integers(field.low, field.high, n, endpoint=True)
            for name, field in sorted(self.graph.fields.items())
        }

    def messages(self, state: State) -> I64:
        """Return what each agent tells."""
        told = self._evaluate("messages", state)
        nothing = np.zeros_like(next(iter(state.values())))  # where a message is another one along each contact
        return _stack([told.get(name, nothing) for name in (*self._contacts, *self.cell_channels)], state)

    def messages_along(self, state: State, messages: I64, edges: Edges) -> I64:
        """Return what is told along each contact, where it is made of the contact's own number."""
        told = times_weight(messages, edges)
        for place, name in enumerate(self._contacts):
            rows = np.flatnonzero((edges.channel == place) & (edges.weight != SILENT))
            if name in self.graph.along and rows.size:
                senders = {field: values[edges.sender[rows]] for field, values in state.items()}
                told[rows] = self._evaluate("along", senders, edges_of(self.graph, edges.weight[rows]))[name]
        return told

    def weights(self, state: State) -> I64:
        """Return the weights of outcomes."""
        return self._of_outcomes("weights", state, 1)

    def thresholds(self, state: State) -> I64:
        """Return the thresholds of outcomes."""
        return self._of_outcomes("thresholds", state, 0)

    def totals(self, state: State, *, copies: int = 1) -> I64:
        """Return how many are in each stage, and the totals of observables."""
        fields = {name: field for name, field in self.graph.fields.items() if field.stages}
        of = np.arange(next(iter(state.values())).size) % copies
        counts = [
            np.bincount(state[name] * copies + of, minlength=len(field.stages) * copies)
            for name, field in sorted(fields.items())
        ]
        each = self._evaluate("totals", state)
        sums = [each[name].reshape(-1, copies).sum(axis=0) for name in sorted(self.graph.observables)]
        nothing = np.zeros(0, dtype=np.int64)  # of a model without any
        total: I64 = np.concatenate([nothing, *counts, *sums])
        return total

    def update(self, state: State, inputs: StepInputs, source: AgentSource) -> tuple[State, Bools]:
        """Move on by one step."""
        after = evaluate(self.graph, ("restarts", "update"), self.inputs_of_step(state, inputs, source))
        none = np.zeros(source.agents.size, dtype=np.int64)
        anew = [after["restarts"].get(outcome.name, none) for outcome in self.outcomes]
        return {**state, **after["update"]}, _stack(anew, state) == 1

    def inputs_of_step(self, state: State, inputs: StepInputs, source: AgentSource) -> Inputs:
        """Return what agents look at as they move on."""
        sums = np.clip(inputs.decided, 0, LARGEST_SUM)  # others may lie, and nothing is proved of more
        outcomes = {
            outcome.name: inputs.decided[:, column] == 1 if outcome.is_bit else sums[:, column]
            for column, outcome in enumerate(self.outcomes)
        }
        return Inputs(
            state,
            self.parameters,
            DrawSource(source.agents, inputs.step, source.key),
            public=inputs.public,
            outcomes=outcomes,
            cells=dict(zip(self.cell_channels, inputs.cells.T, strict=True)),
            sizes=dict.fromkeys(self.cell_channels, inputs.sizes),
        )

    def _weight_bounds(self) -> dict[str, int]:
        bounds = bounds_of(self.graph)
        return {name: bounds[root][1] for name, root in self.graph.weights.items()}

    def _outcome(self, name: str) -> OutcomeSpec:
        spec = self.graph.outcomes[name]

        def factors(channels: tuple[str, ...]) -> tuple[int, ...]:
            given = [spec.coefficients.get(channel, 0) for channel in channels]
            return tuple(int(self.parameters[each]) if isinstance(each, str) else each for each in given)

        return OutcomeSpec(
            name,
            factors(self._contacts),
            factors(self.cell_channels),
            reveals=spec.reveals,
            keep=spec.keep,
            threshold=spec.threshold,
            restarts=name in self.graph.restarts,
            weight=self._largest.get(name),
        )

    def _of_outcomes(self, part: str, state: State, default: int) -> I64:
        given = self._evaluate(part, state)
        n = next(iter(state.values())).size
        return _stack([given.get(outcome.name, np.full(n, default)) for outcome in self.outcomes], state)

    def _evaluate(self, part: str, state: State, edges: Mapping[str, I64] | None = None) -> dict[str, I64]:
        """Return a part that looks at the state, and at contacts' own numbers, alone."""
        n = next(iter(state.values())).size
        draws = DrawSource(np.zeros(n, dtype=np.uint64), BEGINNING, (0, 0))
        return evaluate(self.graph, (part,), Inputs(state, self.parameters, draws, edges=edges or {}))[part]


def select_field_columns(graph: ModelGraph, columns: Columns) -> Columns:
    """Return those of an agent's columns that are no private ones: fields that its holder knows."""
    private = {name for name, field in graph.fields.items() if field.private}
    return {name: values for name, values in columns.items() if name not in private}


def _column_spec(name: str, field: GraphField) -> ColumnSpec:
    """Return a column of a field: one that its holder gives, or may know; then `UNKNOWN` where it does not."""
    return ColumnSpec(
        name,
        field.low / 2**field.bits,
        field.high / 2**field.bits,
        default=None if field.private else UNKNOWN,
        bits=field.bits,
        names=field.stages or field.cells,
        elapsed=field.elapsed is not None,
    )


def tally_of(graph: ModelGraph) -> tuple[TallyWord, ...]:
    """Return the numbers whose totals a run of a graph may release."""
    fields = {name: field.stages for name, field in sorted(graph.fields.items()) if field.stages}
    words = [
        TallyWord(stage if len(fields) == 1 else f"{name}_{stage}", stage_of=name)
        for name, stages in fields.items()
        for stage in stages
    ]
    observables = sorted(graph.observables.items())
    return (*words, *(TallyWord(name, each.low, each.high) for name, each in observables))


def _stack(columns: list[I64], state: State) -> I64:
    """Return int64[n, columns], of no columns too."""
    n = next(iter(state.values())).size
    return np.stack(columns, axis=1) if columns else np.zeros((n, 0), dtype=np.int64)
