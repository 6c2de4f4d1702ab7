"""What reaches agents who meet in venues, where a back end computes; compiled agents are held against it."""

from typing import Any, final

import numpy as np

from lpm_secure.engine.backends import Backend
from lpm_secure.engine.model_agents import CellMixing, ContactSums
from lpm_secure.engine.venues.channels import VenueChannels, VenueLink
from protocols.arithmetic.fixed_point import I64
from protocols.errors import ParameterError


@final
class VenueExposures(ContactSums):
    """An agent is told the mean, or the total, of what the others say in its venue of each setting of a channel.

    Where a setting mixes by age, what counts is the mean of all of a cell's people of a band, itself among them.
    """

    def __init__(self, channels: VenueChannels, backend: Backend) -> None:
        """Take members and sizes to where the back end computes.

        Args:
            channels: of the model.
            backend: which holds the agents.

        Raises:
            ParameterError: what is said in one venue could wrap.
        """
        venues = channels.venues
        self._links, self._backend, self._venues = channels.links, backend, venues
        self.degree = channels.degree_of(backend.graph)
        self._rows = [backend.hold(self._row(place).astype(np.int64)) for place in range(len(venues.settings))]
        self._sizes = [backend.hold(np.append(setting.size, 1)) for setting in venues.settings]
        self._mixing = [None if each.mixing is None else backend.hold(each.mixing) for each in venues.settings]

    def _row(self, place: int) -> Any:
        return self._venues.member[:, place] - self._venues.first[place]

    def cells(self) -> dict[str, CellMixing]:
        """Return where agents mix on each cell channel; those who are in no venue, where nobody is counted."""
        graph, mixing = self._backend.graph, {}
        for name, links in self._links.items():
            for link in links if graph.channels[name].cell else ():
                sizes = np.append(self._venues.mixing(link.setting), 0)
                mixing[name] = CellMixing(self._row(link.setting).astype(np.int64), sizes)
        return mixing

    def add_up(self, channel: str, messages: Any, *, step: int) -> Any:
        """Return int64[n], the sum over the settings of a channel."""
        each = (self._exposure(link, messages) * link.weight_of(step) for link in self._links[channel])
        return sum(each, start=messages * 0)

    def _exposure(self, link: VenueLink, messages: Any) -> Any:
        place = link.setting
        row, size, mixing = self._rows[place], self._sizes[place], self._mixing[place]
        member = row < len(size) - 1
        total = self._backend.hold(np.zeros(len(size), dtype=np.int64))
        if isinstance(total, np.ndarray):
            np.add.at(total, row, messages)
        else:
            total.index_add_(0, row, messages)
        if mixing is None:
            others = (total[row] - messages) * member
            return others * link.scale // size[row] if link.scale else others
        total[:-1] = self._venues.settings[place].share(total[:-1], size[:-1], mixing, scale=link.scale)
        return total[row] * member

    def edges(self, channel: str, *, step: int) -> tuple[Any, I64]:
        """Refuse: people of a venue share no contact with a number of its own."""
        raise ParameterError(f"messages on {channel} are made of each contact's own number, and venues have none")

    def collect(self, channel: str, told: Any, *, step: int) -> Any:
        """Refuse, as `edges` does."""
        raise ParameterError(f"messages on {channel} are made of each contact's own number, and venues have none")
