"""Who meets whom: agents meet through venues, by setting, or along the edges of a contact graph."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np

from lpm_secure.engine.kernels.csr import I32, Csr
from protocols.arithmetic.fixed_point import I64
from protocols.errors import ParameterError
from protocols.models.graph import GraphChannel, ModelGraph

MIXING_BITS = 8


@final
@dataclass(frozen=True, slots=True, eq=False)
class Setting:
    """One kind of venue: households, schools, workplaces, wards.

    Attributes:
        name: of the setting.
        venue: int32[n], each agent's venue; -1 where it has none.
        size: int64[v], what an exposure is divided by: people whom a member of the venue mixes with.
        mixing: int64[b, b], for venues told apart by age band (venue = place * b + band): contacts of band a with
            band b, as a multiple of 1 / 256; none where everybody in a venue mixes alike.
        people: int64[v], how many mix in each venue, where these are others than its members here.

    Raises:
        ParameterError: a venue that is not there, a size below 1, or sizes that do not fit the mixing.
    """

    name: str
    venue: I32 = field(repr=False)
    size: I64 = field(repr=False)
    mixing: I64 | None = field(repr=False, default=None)
    people: I64 | None = field(repr=False, default=None)

    def __post_init__(self) -> None:
        """Check the values."""
        if self.venue.size and not -1 <= int(self.venue.min()) <= int(self.venue.max()) < self.size.size:
            raise ParameterError(f"{self.name}: venue {int(self.venue.max())} is named; there are {self.size.size}")
        if self.size.size and int(self.size.min()) < 1:
            raise ParameterError(f"{self.name}: a venue has size {int(self.size.min())}; it must be at least 1")
        if self.mixing is not None and (self.mixing.min() < 0 or self.size.size % len(self.mixing)):
            raise ParameterError(f"{self.name}: mixing has {len(self.mixing)} bands for {self.size.size} venues")

    def share(self, total: Any, size: Any, mixing: Any, *, scale: int) -> Any:
        """Return the exposure of each venue's members: `floor(scale total / size)`, mixed by age where told.

        Written for numpy and torch: int64[v] to int64[v]. Totals and sizes are integers, so every back end computes
        the same bits.
        """
        value = total * scale // size
        return value if mixing is None else mix(value, mixing)


def mix(share: Any, mixing: Any) -> Any:
    """Return int64[v], what members receive of each place's bands; for numpy and torch."""
    place = share.reshape(-1, 1, len(mixing))
    return ((place * mixing[None]).sum(-1) >> MIXING_BITS).reshape(-1)


@final
@dataclass(frozen=True, slots=True, eq=False)
class Venues:
    """All settings of n agents.

    Attributes:
        settings: c of them.
        member: int32[n, c], each agent's venues, numbered through all settings; who has none is in the setting's last
            venue, where nobody is heard.
        first: where each setting's venues begin, and the end: c + 1 of them.
    """

    settings: tuple[Setting, ...]
    member: I32 = field(repr=False)
    first: tuple[int, ...]

    @classmethod
    def of(cls, settings: Sequence[Setting]) -> "Venues":
        """Number the venues of all settings.

        Raises:
            ParameterError: the settings have different agents, or 2**31 venues together.
        """
        if len({setting.venue.size for setting in settings}) != 1:
            raise ParameterError(
                "the settings are of different agents, or there is none; give each agent a venue or -1"
            )
        first = [0]
        for setting in settings:
            first.append(first[-1] + setting.size.size + 1)
        if first[-1] >= 2**31:
            raise ParameterError(f"got {first[-1]} venues; 2**31 are too many")
        member = np.empty((settings[0].venue.size, len(settings)), dtype=np.int32)
        for channel, setting in enumerate(settings):
            member[:, channel] = setting.venue + np.int32(first[channel])
            member[setting.venue < 0, channel] = first[channel + 1] - 1
        return cls(tuple(settings), member, tuple(first))

    @classmethod
    def nowhere(cls, n: int) -> "Venues":
        """Return the venues of n agents who go to none."""
        return cls((), np.zeros((n, 0), dtype=np.int32), (0,))

    @property
    def n(self) -> int:
        """How many agents there are."""
        return len(self.member)

    def people(self, setting: int) -> I64:
        """Return how many members each venue of a setting has, int64[v]."""
        begin, end = self.first[setting : setting + 2]
        return np.bincount(self.member[:, setting] - begin, minlength=end - begin)[:-1].astype(np.int64)

    def mixing(self, setting: int) -> I64:
        """Return how many people mix in each venue of a setting, int64[v]: its members, unless it says otherwise."""
        given = self.settings[setting].people
        return self.people(setting) if given is None else given

    def exposures(self, place: int, says: int, *, scale: int) -> I64:
        """Return the exposure in each venue of a setting if everybody said `says`, int64[v]; of scale 0 the total."""
        setting, total = self.settings[place], self.people(place) * says
        value: I64 = setting.share(total, setting.size, setting.mixing, scale=scale) if scale else total
        return value


@final
@dataclass(frozen=True, slots=True)
class VenueLink:
    """A setting in which messages of a channel are received.

    Attributes:
        setting: its place among the settings.
        scale: an exposure is `floor(scale * total / size)`: the mean message of those whom an agent meets there, in
            units of 1 / scale; 0: the total itself.
        weight: of the exposure in each step; the last one holds on.
    """

    setting: int
    scale: int = 0
    weight: tuple[int, ...] = (1,)

    def weight_of(self, step: int) -> int:
        """Return the weight of a step."""
        return self.weight[min(step, len(self.weight) - 1)]


@final
@dataclass(frozen=True, slots=True, eq=False)
class VenueChannels:
    """Where the channels of a model meet: those along contacts in any number of settings, those of cells in one.

    Attributes:
        venues: of the agents.
        links: of each channel; there may be none.
        contacts: of channels along the edges of a graph, the graph of each day; the days repeat in a longer run.
    """

    venues: Venues
    links: Mapping[str, tuple[VenueLink, ...]]
    contacts: Mapping[str, tuple[Csr, ...]] = field(default_factory=dict)

    def degree_of(self, graph: ModelGraph) -> int:
        """Return a degree that no exposure along contacts exceeds, in messages of the largest size.

        Raises:
            ParameterError: a channel meets nowhere, or not as its kind does; or a venue's total could wrap.
        """
        degree = 0
        if graph.cell_field is not None:
            raise ParameterError(f"agents move between the cells of {graph.cell_field}, and venues' people stay")
        for name, channel in graph.channels.items():
            if name not in self.links:
                raise ParameterError(f"the channel {name} meets nowhere; name a setting for it")
            if name in self.contacts:
                self._check_contacts(name, channel)
                degree = max(degree, *(day.largest_exposure() for day in self.contacts[name]))
            elif channel.directed or channel.along is not None:
                raise ParameterError(f"{name} goes along directed contacts, or has numbers of these; venues have none")
            if channel.cell:
                self._check_cell(name, self.links[name])
            else:
                degree = max(degree, -(-self.largest_exposure(name, channel.most) // channel.most))
        return degree

    def _check_contacts(self, name: str, channel: GraphChannel) -> None:
        if channel.cell or channel.along is not None or self.links[name]:
            raise ParameterError(
                f"{name} goes to cells or venues, or has numbers of contacts; a graph has weights alone"
            )
        if {day.n for day in self.contacts[name]} != {self.venues.n}:
            raise ParameterError(f"the contacts of {name} are of other agents; there are {self.venues.n}")
        if any(day.weight.size and int(day.weight.min()) < 0 for day in self.contacts[name]):
            raise ParameterError(f"a contact of {name} has a negative weight; weights are 0 or more")

    def _check_cell(self, name: str, links: tuple[VenueLink, ...]) -> None:
        if not links:
            return
        link, *more = links
        if more or link != VenueLink(link.setting) or self.venues.settings[link.setting].mixing is not None:
            raise ParameterError(
                f"{name} is a channel of cells: it meets in one setting, with no scale, weight or mixing"
            )

    def largest_exposure(self, channel: str, most: int) -> int:
        """Return the largest exposure of an agent in a step, if everybody's message were the largest.

        Raises:
            ParameterError: a venue's total times the scale could reach 2**63.
        """
        largest = 0
        for link in self.links[channel]:
            setting, people = self.venues.settings[link.setting], self.venues.people(link.setting)
            mixed = 1 if setting.mixing is None else int(setting.mixing.sum(axis=1).max(initial=1))
            if int(people.max(initial=0)) * most * max(link.scale, 1) * mixed >= 2**63:
                raise ParameterError(f"what is said in a venue of {setting.name} could wrap; use a smaller scale")
            value = self.venues.exposures(link.setting, most, scale=link.scale)
            largest += int(value.max(initial=0)) * max(link.weight)
        return largest
