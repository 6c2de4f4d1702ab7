"""The agents of a city run, by the name of what computes them."""

import os
from collections.abc import Mapping
from typing import Any, Protocol, final

import numpy as np

from lpm_secure.city.config import CityConfig
from lpm_secure.city.model import KEY, CityModel
from lpm_secure.engine.device import Device
from lpm_secure.engine.model_agents import EMPTY, ModelAgents
from lpm_secure.engine.venues.agents import VenueAgents
from lpm_secure.engine.venues.exposures import VenueExposures
from lpm_secure.populations import Population
from protocols.arithmetic.fixed_point import I64
from protocols.errors import ParameterError


class CityAgents(Protocol):
    """Agents of either back end, which a checkpoint can hold."""

    @property
    def step(self) -> int:
        """Steps done."""

    def tally(self) -> I64:
        """Return the totals of the model's stages and observables."""

    def update(self, public: Mapping[str, int] = EMPTY) -> None:
        """Move on by one step."""

    @property
    def stage(self) -> np.ndarray[Any, Any]:
        """Values of the first field of stages."""

    def save(self) -> dict[str, np.ndarray[Any, Any]]:
        """Return what a checkpoint needs."""

    def load(self, saved: dict[str, np.ndarray[Any, Any]]) -> None:
        """Go on from what `save` returned."""


@final
class TensorVenueAgents:
    """n agents in the clear on a torch device: the bits of `VenueAgents`, operation by operation."""

    def __init__(self, model: CityModel, *, key: tuple[int, int], steps: int, device: Device) -> None:
        """Draw the agents' beginning; arguments are those of `VenueAgents`."""
        import torch  # noqa: PLC0415 - numba does without

        from lpm_secure.engine.backends.torch_backend import TorchBackend  # noqa: PLC0415

        if device.type == "cpu":
            torch.set_num_threads(1)  # what has used more must not be forked, as seeds are
        backend = TorchBackend(model.graph, device.type)
        received = VenueExposures(model.channels, backend)
        self._graph = model.graph
        self._agents = ModelAgents(
            backend,
            model.parameters,
            agents=np.arange(model.channels.venues.n, dtype=np.uint64),
            key=key,
            contacts=received,
            cells=received.cells(),
            columns=model.columns,
            steps=steps,
            saturate=True,
        )
        self._backend = backend

    @property
    def step(self) -> int:
        """Steps done."""
        return self._agents.step

    def tally(self) -> I64:
        """Return the totals of the model's stages and observables, int64[q]."""
        return self._agents.tally_totals()

    def update(self, public: Mapping[str, int] = EMPTY) -> None:
        """Move on by one step."""
        self._agents.update(public)

    @property
    def stage(self) -> np.ndarray[Any, Any]:
        """Values of the first field of stages, uint8[n]."""
        first = next((name for name in sorted(self._graph.fields) if self._graph.fields[name].stages), None)
        state = self._agents.state
        values = np.zeros(next(iter(state.values())).shape[0]) if first is None else self._backend.column(state[first])
        return values.astype(np.uint8)

    def save(self) -> dict[str, np.ndarray[Any, Any]]:
        """Return what a checkpoint needs: arrays that `load` takes."""
        held = {f"field_{name}": values for name, values in self._agents.state.items()}
        held |= {f"level_{name}": values for name, values in self._agents.levels.items()}
        return {name: self._backend.column(values) for name, values in held.items()} | {"step": np.array(self.step)}

    def load(self, saved: dict[str, np.ndarray[Any, Any]]) -> None:
        """Go on from what `save` returned, for agents made with the same arguments.

        Raises:
            ParameterError: it is of other agents.
        """
        agents = self._agents
        kept: dict[str, dict[str, Any]] = {"field": agents.state, "level": agents.levels}
        for kind, held in kept.items():
            for name, values in held.items():
                given = saved.get(f"{kind}_{name}")
                if given is None or given.shape != tuple(values.shape):
                    raise ParameterError(
                        f"the checkpoint has no {kind} {name} of {len(values)} agents; it is of another run"
                    )
                held[name] = self._backend.hold(given)
        agents.step = int(saved["step"])


def agents_of(config: CityConfig, model: CityModel, device: Device) -> CityAgents:
    """Draw the agents of a run.

    Args:
        config: of the run.
        model: who they are, and where they meet.
        device: of the torch back end; numba computes on the CPU.

    Raises:
        DataError: a private column leaves its range.
        ParameterError: a channel meets nowhere, or in a way that it cannot.
        WouldWrap: an outcome's level could reach 2**63.
    """
    key, steps = (config.seed, KEY), config.days
    if config.engine.backend == "torch":
        return TensorVenueAgents(model, key=key, steps=steps, device=device)
    threads = config.engine.threads or os.cpu_count() or 1
    return VenueAgents(
        model.graph, model.parameters, model.channels, key=key, columns=model.columns, steps=steps, threads=threads
    )


def places_of(population: Population) -> tuple[np.ndarray[Any, np.dtype[np.uint8]], tuple[str, ...]]:
    """Return the borough of each agent and the boroughs' names; one place for all where there are no boroughs."""
    names = population.card.places.get("borough")
    if names is None:
        return np.zeros(population.n, dtype=np.uint8), ("city",)
    return np.asarray(population.column("borough").astype(np.uint8)), tuple(names)
