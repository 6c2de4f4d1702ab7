"""What reaches compiled agents along the edges of contact graphs, held from step to step."""

from collections.abc import Mapping
from typing import Any, Final, final

import numpy as np

from client_sdk.private.contacts import ContactTable
from lpm_secure.engine.kernels.csr import Csr
from lpm_secure.engine.kernels.exposure import PULL_GAIN, Traversal, pull, push, speakers
from lpm_secure.engine.kernels.workers import Workers
from protocols.arithmetic.fixed_point import prove_no_wrap
from protocols.models.graph import ModelGraph

UNSIGNED: Final = (np.uint8, np.uint16, np.uint32, np.int64)
SIGNED: Final = (np.int8, np.int16, np.int32, np.int64)
Columns = tuple[np.ndarray[Any, Any], ...]


def contacts_of(table: ContactTable, graph: ModelGraph, *, n: int, period: int) -> dict[str, tuple[Csr, ...]]:
    """Return the edges of each day on each of a model's channels along contacts.

    Args:
        table: of contacts; its channels are numbers in the order of the names of those along contacts.
        graph: of the model.
        n: agents.
        period: days.

    Raises:
        ParameterError: a contact names an agent that is not there.
    """
    names = sorted(name for name, channel in graph.channels.items() if not channel.cell)
    contacts = {}
    for index, name in enumerate(names):
        scale = [int(place == index) for place in range(len(names))]
        directed = graph.channels[name].directed
        contacts[name] = tuple(Csr.of(table, n=n, day=day, scale=scale, directed=directed) for day in range(period))
    return contacts


def fitting(kinds: tuple[Any, ...], largest: int) -> Any:
    """Return the first of some types that holds a number."""
    return next(kind for kind in kinds if largest <= np.iinfo(kind).max)


@final
class ContactExposures:
    """Exposures of n agents on each channel along contacts: changes of messages are pushed, or messages are pulled.

    Attributes:
        names: of the channels, in order.
        exposures: of each, partial sums by thread, [threads, n]; exact modulo the size of their type.
        routes: how often each route was taken.
    """

    def __init__(
        self, contacts: Mapping[str, tuple[Csr, ...]], graph: ModelGraph, workers: Workers, *, route: Traversal
    ) -> None:
        """Begin with agents who have said nothing.

        Args:
            contacts: of each channel, those of each day.
            graph: of the model.
            workers: which share the agents.
            route: how to add up exposures.
        """
        self.names, n = tuple(sorted(contacts)), workers.ranges[-1][1]
        self._days, self._workers, self._route = [contacts[name] for name in self.names], workers, route
        most = [graph.channels[name].most for name in self.names]
        each = [max(day.largest_exposure() for day in days) * top for days, top in zip(self._days, most, strict=True)]
        prove_no_wrap({f"what reaches an agent on {name}": top for name, top in zip(self.names, each, strict=True)})
        self.exposures: Columns = tuple(np.zeros((len(workers), n), dtype=fitting(UNSIGNED, top)) for top in each)
        self._said: Columns = tuple(np.zeros(n, dtype=fitting(UNSIGNED, top)) for top in most)
        self._moved: Columns = tuple(np.empty(n, dtype=np.int32) for _ in most)
        self._shift: Columns = tuple(np.empty(n, dtype=fitting(SIGNED, top)) for top in most)
        self._ends = np.zeros((len(workers), len(most)), dtype=np.int64)
        self.routes = {Traversal.PUSH: 0, Traversal.PULL: 0}

    def outputs(self, thread: int) -> tuple[Columns, Columns, Columns, Any]:
        """Return where `send` finds what agents said, and leaves who says something else, by how much, and how many."""
        return self._said, self._moved, self._shift, self._ends[thread]

    def begin_anew(self) -> None:
        """Forget what was said."""
        for column in (*self._said, *self.exposures):
            column[:] = 0

    def add_up(self, step: int) -> None:
        """Bring exposures up to date with what `send` left of a step, by the cheapest route."""
        for at, days in enumerate(self._days):
            day = days[step % len(days)]
            if len(days) > 1:
                self._list_speakers(at)
            changes = int(self._ends[:, at].sum()) - sum(first for first, _ in self._workers.ranges)
            if self._pays(day, changes):
                self._pull(at, day)
            else:
                self._push(at, day, anew=len(days) > 1)

    def _pays(self, day: Csr, changes: int) -> bool:
        """Return whether to pull: it is cheaper than pushing so many changes, or is asked for; and it can be done."""
        cheaper = self._route is Traversal.AUTO and changes * PULL_GAIN > day.n
        return day.symmetric and (cheaper or self._route is Traversal.PULL)

    def _list_speakers(self, at: int) -> None:
        said, moved, shift = self._said[at], self._moved[at], self._shift[at]
        self._ends[:, at] = self._workers.each(lambda _, span: speakers(span, said, moved, shift))

    def _pull(self, at: int, day: Csr) -> None:
        said, exposure = self._said[at], self.exposures[at]
        self._workers.each(lambda _, span: pull(span, said, day.rows, exposure))
        self.routes[Traversal.PULL] += 1

    def _push(self, at: int, day: Csr, *, anew: bool) -> None:
        moved, shift, exposure, ends = self._moved[at], self._shift[at], self.exposures[at], self._ends[:, at]
        own = [slice(first, int(end)) for end, (first, _) in zip(ends, self._workers.ranges, strict=True)]
        if anew:
            exposure[:] = 0
        self._workers.each(lambda each, _: push(moved[own[each]], shift[own[each]], day.rows, exposure[each]))
        self.routes[Traversal.PUSH] += 1
