"""The agents of a city run, by the name of what computes them."""

import os
from typing import Any, Final, Protocol

import numpy as np
import torch

from lpm_secure.city.config import CityConfig
from lpm_secure.city.disease import bands_of, build_disease
from lpm_secure.engine import epidemic
from lpm_secure.engine.kernels.observers import Steps
from lpm_secure.engine.tensors.staged_agents import StagedTensorAgents
from lpm_secure.engine.venues import Venues
from lpm_secure.populations import Population
from lpm_secure.populations.settings import settings_with_beta

KEY: Final = 0x6369747900000000  # second word of a city's key: "city"


class CityAgents(Steps, Protocol):
    """Agents of either back end, which a checkpoint can hold."""

    def save(self) -> dict[str, np.ndarray[Any, Any]]:
        """Return what a checkpoint needs."""

    def load(self, saved: dict[str, np.ndarray[Any, Any]]) -> None:
        """Go on from what `save` returned."""


def agents_of(config: CityConfig, population: Population, device: torch.device) -> CityAgents:
    """Draw the agents of a run.

    Args:
        config: of the run.
        population: who they are and where they meet.
        device: of the torch back end; numba computes on the CPU.

    Raises:
        ConfigError: the configuration does not fit the population.
        WouldWrap: a step's hazard could reach 2**63.
    """
    settings = settings_with_beta(population, config.disease.beta)
    model = build_disease(config.disease, config.interventions, [each.name for each in settings])
    age = bands_of(population.column("age"), config.disease.ages)
    venues, key = Venues.of(settings), (config.seed, KEY)
    if config.engine.backend == "torch":
        numbers = np.arange(population.n, dtype=np.uint64)
        return StagedTensorAgents(model, venues, key=key, agents=numbers, age=age.astype(np.int64), device=device)
    threads = config.engine.threads or os.cpu_count() or 1
    return epidemic.StagedVenueAgents(model, venues, key=key, age=age, threads=threads)


def places_of(population: Population) -> tuple[np.ndarray[Any, np.dtype[np.uint8]], tuple[str, ...]]:
    """Return the borough of each agent and the boroughs' names; one place for all where there are no boroughs."""
    names = population.card.places.get("borough")
    if names is None:
        return np.zeros(population.n, dtype=np.uint8), ("city",)
    return np.asarray(population.column("borough").astype(np.uint8)), tuple(names)
