"""Where the agents of a run meet, as arrays that generated code reads."""

from collections.abc import Mapping
from typing import Any, final

import numpy as np

from lpm_secure.engine.bitslice.nodes.plan import Meetings, Term
from lpm_secure.engine.bitslice.words.chances import hazard_chance
from lpm_secure.engine.kernels.csr import Csr
from lpm_secure.engine.venues.channels import VenueChannels
from protocols.arithmetic.fixed_point import U64
from protocols.models.graph import ModelGraph

Arrays = dict[str, np.ndarray[Any, Any]]


@final
class MeetingArrays:
    """Edges and venues.

    Attributes:
        meetings: what code depends on.
        venues: of each link, how many venues it adds up.
    """

    def __init__(self, channels: VenueChannels, graph: ModelGraph, parameters: Mapping[str, Any]) -> None:
        """Number links, and sort members by venue."""
        self._channels, self._graph = channels, graph
        self._links = [(name, link) for name, links in sorted(channels.links.items()) for link in links]
        factors = {
            (name, channel): int(parameters[factor]) if isinstance(factor, str) else factor
            for name, outcome in graph.outcomes.items()
            for channel, factor in outcome.coefficients.items()
        }
        terms = {
            name: [self._term(at) for at, (each, _) in enumerate(self._links) if each == name]
            for name in graph.channels
        }
        for name, days in channels.contacts.items():
            terms[name] = [Term(name, None, -1, 0, False, max(day.largest_exposure() for day in days))]
        every = {at: term for each in terms.values() for term in each if (at := term.link) >= 0}
        self._days = {name: [_receivers(day) for day in days] for name, days in channels.contacts.items()}
        weights = {
            name: max(int(day.weight.max(initial=1)) for day in days).bit_length()
            for name, days in self._days.items()
            if any(day.weight.size for day in days)
        }
        self.meetings = Meetings(
            {
                name: tuple(term for channel in sorted(outcome.coefficients) for term in terms[channel])
                for name, outcome in graph.outcomes.items()
            },
            factors,
            {name: terms[name][0] for name, channel in graph.channels.items() if channel.cell and terms[name]},
            every,
            {at: int(channels.venues.people(link.setting).max(initial=1)) for at, (_, link) in enumerate(self._links)},
            {
                at: int(channels.venues.settings[link.setting].size.max(initial=1)).bit_length()
                for at, (_, link) in enumerate(self._links)
                if link.scale
            },
            {setting: self._sizes(setting).size for setting in range(len(channels.venues.settings))},
            weights,
        )
        self.venues = {at: channels.venues.settings[link.setting].size.size for at, (_, link) in enumerate(self._links)}

    def _term(self, at: int) -> Term:
        name, link = self._links[at]
        venues, cell = self._channels.venues, self._graph.channels[name].cell
        members = venues.people(link.setting)
        size = venues.settings[link.setting].size
        means = members * link.scale // size if link.scale else members
        weight = link.weight[0] if len(set(link.weight)) == 1 else 1
        return Term(name, link.setting, at, link.scale, cell, int(means.max(initial=0)), weight)

    def _sizes(self, setting: int) -> np.ndarray[Any, Any]:
        return np.unique(np.append(self._channels.venues.mixing(setting), 0))

    def varies(self) -> bool:
        """Return whether the weight of a link changes from step to step."""
        return any(len(set(link.weight)) > 1 for _, link in self._links)

    def arrays(self) -> Arrays:
        """Return the arrays that stay, by their names in code."""
        venues, found = self._channels.venues, Arrays()
        found["venues"] = np.array([each.size.size for each in venues.settings], dtype=np.int64)
        for place, setting in enumerate(venues.settings):
            local = venues.member[:, place].astype(np.int64) - venues.first[place]
            count = setting.size.size
            people = np.append(venues.mixing(place), 0)
            order = np.argsort(local, kind="stable")
            within = np.count_nonzero(local < count)  # whoever is nowhere comes last
            found |= {
                f"member {place}": local,
                f"people {place}": people,
                f"size {place}": np.searchsorted(self._sizes(place), people),
                f"size of {place}": np.append(setting.size, 1).astype(np.int64),
                f"starts of {place}": np.searchsorted(local[order[:within]], np.arange(count + 1)).astype(np.int64),
                f"ends of {place}": order.astype(np.int32),
            }
        return found

    def contacts(self, step: int) -> Arrays:
        """Return the arrays of a step's edges."""
        found = Arrays()
        for name, days in self._days.items():
            day = days[step % len(days)]
            weights = (
                day.weight if day.weight.size or name not in self.meetings.weighted else np.ones(day.edges, np.int64)
            )
            found |= {f"starts {name}": day.indptr, f"ends {name}": day.indices, f"weights {name}": weights}
        return found

    def chances(self, layout: Mapping[tuple[str, Term], tuple[int, int]], bits: Mapping[str, int], step: int) -> U64:
        """Return the probability of each digit of each hazard in a step, where generated code looks for it."""
        found: list[tuple[int, list[int]]] = []
        for (name, term), (first, length) in layout.items():
            factor = self.meetings.factors[name, term.channel]
            if term.link >= 0 and not term.cell:
                factor *= self._links[term.link][1].weight_of(step)
            sizes = self._sizes(term.setting) if term.cell and term.setting is not None else np.ones(1, dtype=np.int64)
            for at, size in enumerate(sizes.tolist()):
                rate = factor / max(size, 1) / 2.0 ** bits[name]
                found.append((first + at * length, [hazard_chance(rate * 2.0**place) for place in range(length)]))
        end = max((first + len(each) for first, each in found), default=0)
        chances = np.zeros(end + 1, dtype=np.uint64)
        for first, each in found:
            chances[first : first + len(each)] = each
        return chances


def _receivers(day: Csr) -> Csr:
    """Return the edges by who is told, with who tells; indptr is of 64 bits."""
    if day.symmetric:
        return Csr(day.indptr.astype(np.int64), day.indices, day.weight)
    order = np.argsort(day.indices, kind="stable")
    sender = np.repeat(np.arange(day.n, dtype=np.int32), np.diff(day.indptr))
    starts = np.searchsorted(day.indices[order], np.arange(day.n + 1)).astype(np.int64)
    return Csr(starts, sender[order], day.weight[order] if day.weight.size else day.weight, False)
