"""What one changed draw does to a run, exactly: alternatives of many draws, replayed only where they differ.

An alternative and its run share every other draw. Rows are pairs of an alternative and an agent; there is one while the
agent's state differs from that of the run, or what reaches it does. All alternatives of a batch are replayed together.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple, final

import numpy as np
from scipy import sparse

from lpm_secure.gradients.history.edge_messages import EdgeMessages
from lpm_secure.gradients.history.recorder import HistoryRecorder, Moment, RunHistory
from lpm_secure.gradients.history.step import Columns, Surroundings
from lpm_secure.gradients.model.announcements import Announcements
from protocols.arithmetic.distributions import F64
from protocols.arithmetic.fixed_point import I64
from protocols.models.likelihood.clocks import Clock
from protocols.models.likelihood.events import CLOCK, DRAW, FIELD
from protocols.models.likelihood.record import BEGINNING
from protocols.models.likelihood.tape import Tape


class Alternative(NamedTuple):
    """One draw that comes out otherwise; `events.ChanceEvent` says what is what.

    Attributes:
        row: of the agent, among all copies.
    """

    kind: str
    name: int | str
    step: int
    row: int
    value: int


class _Rows(NamedTuple):
    """Agents that differ: the number of the alternative times n, plus the agent's place in its copy; sorted."""

    keys: I64
    state: Columns
    levels: Columns


_Differences = dict[str, tuple[I64, I64]]  # by channel: who is told something else, or which cells, and how much


@final
class Replays:
    """Replays alternatives of one history."""

    def __init__(self, recorder: HistoryRecorder, history: RunHistory, clocks: Mapping[str, Clock]) -> None:
        """Take a history that has been recorded."""
        self._recorder, self._history, self._clocks = recorder, history, clocks
        self._graph, self._step = recorder.step.graph, recorder.step
        self._n = recorder.problem.people.n
        self._edges = EdgeMessages(recorder.step, recorder.problem.people.contacts)
        self._people = recorder.problem.people
        self._cells_of_copy = self._people.cells.sizes.size

    def replay(self, alternatives: list[Alternative]) -> F64:
        """Return how the series of each alternative differs from its run's, float64[alternatives, q, T + 1]."""
        self._first = np.array([each.row // self._n * self._n for each in alternatives], dtype=np.int64)
        moments = self._history.moments
        series = np.zeros((len(alternatives), self._history.series.shape[1], len(moments)))
        announced = self._recorder.problem.announcements(len(alternatives))
        rows = self._begin(alternatives)
        for step in range(len(moments) - 1):
            rows = self._join(rows, [(k, each) for k, each in enumerate(alternatives) if each.step == step])
            self._count(rows, moments[step], series[:, :, step])
            public: Columns = {}
            if announced is not None:
                public = announced.announce(step)
                self._observe(announced, rows, moments[step], step, series[:, :, step])
            if rows.keys.size or public or any(each.step == step for each in alternatives):
                drawn = [(k, a) for k, a in enumerate(alternatives) if a.step == step and a.kind == DRAW]
                rows = self._advance(rows, step, drawn, public)
        self._count(rows, moments[-1], series[:, :, -1])
        return series

    def _base(self, keys: I64) -> I64:
        """Return the rows of the run that keys differ from."""
        base: I64 = self._first[keys // self._n] + keys % self._n
        return base

    def _key(self, k: int, row: int) -> int:
        return k * self._n + row % self._n

    def _observe(self, announced: Announcements, rows: _Rows, moment: Moment, step: int, differences: F64) -> None:
        """Tell the environments of alternatives what a step released in each."""
        run = self._first // self._n
        own = rows.keys % self._n < self._n - self._people.synthetic
        private = np.zeros_like(differences)
        self._count(
            _Rows(rows.keys[own], *({k: v[own] for k, v in each.items()} for each in rows[1:])), moment, private
        )
        cells = {name: total.reshape(-1, self._cells_of_copy)[run] for name, total in moment.around.totals.items()}
        for name, (codes, sums) in self._cell_differences(rows, moment).items():
            cells[name].reshape(-1)[codes] += sums
        announced.observe(self._history.series[run, :, step] + differences, moment.private[run] + private, cells)

    def _begin(self, alternatives: list[Alternative]) -> _Rows:
        """Return who begins otherwise."""
        drawn = [(k, each) for k, each in enumerate(alternatives) if each.step == BEGINNING]
        keys = np.array([self._key(k, each.row) for k, each in drawn], dtype=np.int64)
        base, moment = self._base(keys), self._history.moments[0]
        inputs, tape = self._recorder.inputs_of_begin(base), Tape(self._graph)
        forced = _force_draws([(place, each) for place, (_, each) in enumerate(drawn)])
        tape.extend(self._step.nodes("begin"), inputs, forced)
        state = {name: moment.state[name][base] for name in moment.state}
        state |= {name: tape.column(root, keys.size) for name, root in self._graph.begin.items()}
        return _Rows(keys, state, {name: level[base] for name, level in moment.levels.items()})

    def _join(self, rows: _Rows, new: list[tuple[int, Alternative]]) -> _Rows:
        """Add agents who begin to differ by what a field holds, or by a threshold that they cross."""
        joining = [(k, each) for k, each in new if each.kind in (FIELD, CLOCK)]
        if not joining:
            return rows
        keys = np.array([self._key(k, each.row) for k, each in joining], dtype=np.int64)
        moment = self._history.moments[joining[0][1].step]
        base = self._base(keys)
        state = {name: column[base] for name, column in moment.state.items()}
        for place, (_, each) in enumerate(joining):
            name, value = str(each.name), each.value
            if each.kind == CLOCK:
                name, value = self._clocks[name].field, int(moment.reached[name][each.row]) - 1
            state[name][place] = value
        levels = {name: level[base] for name, level in moment.levels.items()}
        return _merge(rows, _Rows(keys, state, levels))

    def _count(self, rows: _Rows, moment: Moment, series: F64) -> None:
        """Add up how the tally of each alternative differs in a step."""
        if not rows.keys.size:
            return
        alternative, base = rows.keys // self._n, self._base(rows.keys)
        before = {name: column[base] for name, column in moment.state.items()}
        place = 0
        for name, field in sorted(self._graph.fields.items()):
            if field.stages:
                np.add.at(series, (alternative, place + rows.state[name]), 1.0)
                np.add.at(series, (alternative, place + before[name]), -1.0)
                place += len(field.stages)
        if self._graph.totals:
            sums = [self._part("totals", state, base) for state in (rows.state, before)]
            for name in sorted(self._graph.totals):
                np.add.at(series[:, place], alternative, (sums[0][name] - sums[1][name]).astype(np.float64))
                place += 1

    def _part(self, part: str, state: Columns, base: I64) -> Columns:
        tape = Tape(self._graph)
        tape.extend(self._step.nodes(part), self._recorder.inputs_of(state, base, 0))
        return {name: tape.column(root, base.size) for name, root in self._graph.parts[part].items()}

    def _advance(self, rows: _Rows, step: int, drawn: list[tuple[int, Alternative]], public: Columns) -> _Rows:
        """Move on by one step; return who differs after it."""
        moment, after = self._history.moments[step], self._history.moments[step + 1]
        exposed = self._exposure_differences(rows, moment, step) | self._edge_differences(rows, moment, step)
        cells = self._cell_differences(rows, moment)
        forced = np.array([self._key(k, each.row) for k, each in drawn], dtype=np.int64)
        keys = self._find_affected(np.concatenate([rows.keys, forced]), exposed, cells, moment, public)
        base, at = self._base(keys), np.searchsorted(keys, rows.keys)
        state, levels = ({name: c[base] for name, c in columns.items()} for columns in (moment.state, moment.levels))
        for own, given in ((state, rows.state), (levels, rows.levels)):
            for name, values in given.items():
                own[name][at] = values
        places = np.searchsorted(keys, forced).tolist()
        result = self._step.advance(
            Tape(self._graph),
            self._recorder.inputs_of(state, base, step, {name: told[keys // self._n] for name, told in public.items()}),
            levels,
            self._around(moment.around, keys, state, exposed, cells),
            _force_draws([(place, each) for place, (_, each) in zip(places, drawn, strict=True)]),
        )
        return self._select_differing(keys, result.state, result.levels, after)

    def _exposure_differences(self, rows: _Rows, moment: Moment, step: int) -> _Differences:
        """Return whose exposure differs on each channel, by key, and by how much."""
        contacts, exposed, base = self._people.contacts, {}, self._base(rows.keys)
        for name, own in self._part("messages", rows.state, base).items():
            messages = own - moment.messages[name][base]
            speak = np.flatnonzero(messages)
            if contacts is None or self._graph.channels[name].cell or not speak.size:
                continue
            keys, shape = rows.keys[speak], (self._first.size, self._n)
            given = sparse.csr_array((messages[speak], (keys // self._n, keys % self._n)), shape=shape)
            heard = sparse.coo_array(given @ contacts.matrix(name, step=step).T)
            alternative, agent = heard.coords
            exposed[name] = alternative.astype(np.int64) * self._n + agent, heard.data
        return exposed

    def _edge_differences(self, rows: _Rows, moment: Moment, step: int) -> _Differences:
        """Return the same of channels whose messages are made of each contact's own number."""
        base, exposed = self._base(rows.keys), {}
        before = {name: column[base] for name, column in moment.state.items()}
        for name in self._edges.channels:
            row, hearer, more = self._edges.differences(name, rows.keys % self._n, rows.state, before, step=step)
            exposed[name] = rows.keys[row] // self._n * self._n + hearer, more
        return exposed

    def _cell_differences(self, rows: _Rows, moment: Moment) -> _Differences:
        """Return which cells' totals differ on a channel, by code, and by how much; who moved is missed elsewhere."""
        base, cells = self._base(rows.keys), _Differences()
        if not rows.keys.size or not self._cells_of_copy:
            return cells
        own = self._part("messages", rows.state, base)
        before = {name: column[base] for name, column in moment.state.items()}
        code = np.concatenate([self._code(rows.keys, state) for state in (rows.state, before)])
        codes, inverse = np.unique(code, return_inverse=True)
        for name, messages in own.items():
            if self._graph.channels[name].cell:
                sums = np.zeros(codes.size, dtype=np.int64)
                np.add.at(sums, inverse, np.concatenate([messages, -moment.messages[name][base]]))
                cells[name] = codes[sums != 0], sums[sums != 0]
        return cells

    def _code(self, keys: I64, state: Columns) -> I64:
        """Return a number for each pair of an alternative and the cell that an agent is in."""
        field = self._graph.cell_field
        place = state[field] if field else self._people.cells.of[keys % self._n]
        code: I64 = keys // self._n * self._cells_of_copy + place
        return code

    def _find_affected(
        self,
        differing: I64,
        exposed: _Differences,
        cells: _Differences,
        moment: Moment,
        public: Columns,
    ) -> I64:
        """Return the keys of all who may differ after a step, sorted; `differing` do for what is their own."""
        touched = np.zeros((self._first.size, self._n), dtype=np.bool_)
        for name, told in public.items():
            touched |= (told != moment.public[name][self._first // self._n])[:, None]
        everybody = np.arange(touched.size)
        for codes, _ in cells.values():
            cell = np.zeros(self._first.size * self._cells_of_copy, dtype=np.bool_)
            cell[codes] = True
            if codes.size:
                base, field = self._base(everybody), self._graph.cell_field
                at = self._code(everybody, {field: moment.state[field][base]} if field else {})
                touched |= cell[at].reshape(touched.shape)
        for keys in (differing, *(keys for keys, _ in exposed.values())):
            touched.reshape(-1)[keys] = True
        return np.flatnonzero(touched)

    def _around(
        self, around: Surroundings, keys: I64, state: Columns, exposed: _Differences, cells: _Differences
    ) -> Surroundings:
        """Return what reaches those who may differ."""
        base = self._base(keys)
        exposures = {name: values[base] for name, values in around.exposures.items()}
        for name, (heard, sums) in exposed.items():
            np.add.at(exposures[name], np.searchsorted(keys, heard), sums)
        if not around.totals:
            return Surroundings(exposures, {}, around.sizes, np.zeros(0, dtype=np.int64))
        codes, of = np.unique(self._code(keys, state), return_inverse=True)
        run = self._first[codes // self._cells_of_copy] // self._n
        cell = run * self._cells_of_copy + codes % self._cells_of_copy
        totals = {name: total[cell] for name, total in around.totals.items()}
        for name, (differing, sums) in cells.items():
            near = np.isin(differing, codes)  # a cell that nobody who may differ is in does not matter
            totals[name][np.searchsorted(codes, differing[near])] += sums[near]
        return Surroundings(exposures, totals, around.sizes[cell], of)

    def _select_differing(self, keys: I64, state: Columns, levels: Columns, after: Moment) -> _Rows:
        base, differs = self._base(keys), np.zeros(keys.size, dtype=np.bool_)
        for own, run in ((state, after.state), (levels, after.levels)):
            for name, values in own.items():
                differs |= values != run[name][base]
        taken = {name: values[differs] for name, values in state.items()}
        return _Rows(keys[differs], taken, {name: level[differs] for name, level in levels.items()})


def _force_draws(drawn: list[tuple[int, Alternative]]) -> dict[int, tuple[Any, Any]]:
    """Return what draws give in place of their own, by node: in rows of these numbers."""
    forced: dict[int, tuple[list[int], list[int]]] = {}
    for row, each in drawn:
        rows, values = forced.setdefault(int(each.name), ([], []))
        rows.append(row)
        values.append(each.value)
    return {number: (np.array(rows), np.array(values)) for number, (rows, values) in forced.items()}


def _merge(one: _Rows, other: _Rows) -> _Rows:
    keys = np.concatenate([one.keys, other.keys])
    order = np.argsort(keys, kind="stable")

    def joined(a: Columns, b: Columns) -> Columns:
        return {name: np.concatenate([a[name], b[name]])[order] for name in b}

    return _Rows(keys[order], joined(one.state, other.state), joined(one.levels, other.levels))
