"""What is said in venues, added up for compiled agents: one pass over the venues a step."""

from collections.abc import Mapping, Sequence
from typing import Any, final

import numpy as np

from lpm_secure.engine.backends.step_plan import VenueShape
from lpm_secure.engine.kernels.workers import Span, Workers
from lpm_secure.engine.venues.channels import VenueChannels, VenueLink, mix
from protocols.arithmetic.fixed_point import I64, prove_no_wrap
from protocols.arithmetic.jit import compile_kernel
from protocols.errors import ParameterError
from protocols.models.graph import ModelGraph


@compile_kernel
def _add(span: Span, parts: Any, setting: tuple[int, I64, int], out: tuple[I64, I64]) -> None:
    """Write totals of a range of venues from all threads' partial sums, and `floor(scale total / size)`.

    Args:
        span: of the setting's venues.
        parts: [threads, venues] of all settings.
        setting: its first venue, the sizes of all, and its scale; 0 where the total itself counts.
        out: int64[venues] of totals and of exposures, of all settings.
    """
    first, size, scale = setting
    total, share = out
    for v in range(first + span[0], first + span[1]):
        value = np.int64(0)
        for part in range(parts.shape[0]):
            value += parts[part, v]
        total[v] = value
        share[v] = value * scale // size[v] if scale and value else value


@final
class VenueSums:
    """Totals and exposures of all venues, in one layer for each channel of a setting.

    Attributes:
        shapes: of each channel, as loops know it.
    """

    def __init__(
        self, channels: VenueChannels, graph: ModelGraph, parameters: Mapping[str, Any], *, threads: int
    ) -> None:
        """Number layers and links, and keep sizes.

        Args:
            channels: of the model.
            graph: of the model.
            parameters: of the run, checked.
            threads: how many share the work.

        Raises:
            ParameterError: a cell's share could wrap.
        """
        venues = self._venues = channels.venues
        count, n = venues.first[-1], venues.n
        self.shapes: dict[str, tuple[VenueShape, ...]] = {}
        self._links: list[tuple[VenueLink, int]] = []
        used = [0] * len(venues.settings)
        for name, links in sorted(channels.links.items()):
            shapes = []
            for link in links:
                mixed = venues.settings[link.setting].mixing is not None
                shapes.append(VenueShape(link.setting, used[link.setting], mixed, link.scale, len(self._links)))
                self._links.append((link, used[link.setting]))
                used[link.setting] += 1
            self.shapes[name] = tuple(shapes)
        layers, most = max(used, default=0), max((each.most for each in graph.channels.values()), default=0)
        prove_no_wrap({"what is said in one venue": n * most})
        kind = np.int32 if n * most < 2**31 else np.int64
        self._parts = np.zeros((threads, layers, count), dtype=kind)
        self._total, self._share = (np.zeros((layers, count), dtype=np.int64) for _ in range(2))
        self._size, self._people = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
        for place, (first, setting) in enumerate(zip(venues.first[:-1], venues.settings, strict=True)):
            self._size[first : first + setting.size.size] = setting.size
            self._people[first : first + setting.size.size] = venues.mixing(place)
        self._workers = [Workers(setting.size.size, threads) for setting in venues.settings]
        self._graph, self._parameters = graph, parameters
        self._check_shares()

    def _check_shares(self) -> None:
        """Refuse factors so large that a cell's share would not be computed in 64 bits."""
        for name, outcome in self._graph.outcomes.items():
            for channel in outcome.coefficients:
                if (
                    self._graph.channels[channel].cell
                    and self._factor(name, channel) * int(self._people.max(initial=0)) >= 2**63
                ):
                    raise ParameterError(f"the factor of {channel} in {name} is too large; use fewer fraction bits")

    def _factor(self, outcome: str, channel: str) -> int:
        factor = self._graph.outcomes[outcome].coefficients[channel]
        return int(self._parameters[factor]) if isinstance(factor, str) else factor

    def cell_totals(self, channel: str) -> I64:
        """Return what agents say to each venue of a cell channel, int64[v]; of none where it meets nowhere."""
        total: I64 = self._cells(channel).copy()
        return total

    def replace_totals(self, channel: str, totals: I64) -> None:
        """Take what everybody says to each venue of a cell channel, in place of what these agents do."""
        here = self._cells(channel)
        most = self._people[self._span(channel)] * self._graph.channels[channel].most
        here[:] = np.clip(totals, 0, most)

    def _cells(self, channel: str) -> I64:
        shapes = self.shapes[channel]
        if not shapes:
            return np.zeros(0, dtype=np.int64)
        here: I64 = self._total[shapes[0].layer][self._span(channel)]
        return here

    def _span(self, channel: str) -> slice:
        setting = self.shapes[channel][0].setting if self.shapes[channel] else 0
        return slice(self._venues.first[setting], self._venues.first[setting + 1] - 1 if self.shapes[channel] else 0)

    def begin(self) -> np.ndarray[Any, Any]:
        """Return [threads, layers, venues], where each thread adds up what its agents say."""
        self._parts[:] = 0
        return self._parts

    def add_up(self, step: int) -> None:
        """Write totals and exposures of a step."""
        for link, layer in self._links:
            first, end = self._venues.first[link.setting : link.setting + 2]
            self._add_setting(link, layer, first)
            share, mixing = self._share[layer][first : end - 1], self._venues.settings[link.setting].mixing
            if mixing is not None:
                share[:] = mix(share, mixing)
            if (weight := link.weight_of(step)) != 1:
                share *= weight

    def _add_setting(self, link: VenueLink, layer: int, first: int) -> None:
        parts, out = self._parts[:, layer], (self._total[layer], self._share[layer])
        setting = (first, self._size, link.scale)
        self._workers[link.setting].each(lambda _, span: _add(span, parts, setting, out))

    def inputs_of(self, step: int, factors: Sequence[tuple[str, str]]) -> tuple[Any, ...]:
        """Return what `advance` takes of a step: exposures, totals, sizes, people, weights of links, factors."""
        weights = tuple(np.int64(link.weight_of(step)) for link, _ in self._links)
        each = tuple(np.int64(self._factor(outcome, channel)) for outcome, channel in factors)
        return self._share, self._total, self._size, self._people, weights, each
