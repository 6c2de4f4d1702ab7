"""Move a city on, day by day, with a checkpoint now and then: killed at any moment, it goes on with the same bits."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

import torch

from lpm_secure import checkpoint
from lpm_secure.city.agents import agents_of, places_of
from lpm_secure.city.config import CityConfig
from lpm_secure.city.recorder import CityRecorder
from lpm_secure.city.series import CitySeries
from lpm_secure.populations import Population
from protocols.arithmetic.fixed_point import I64

OnDay = Callable[[int, I64], None]
CHECKPOINT: Final = "checkpoint.safetensors"


@final
@dataclass(frozen=True, slots=True, eq=False)
class CityRun:
    """A series, and what it took.

    Attributes:
        start_s: drawing the agents, or loading them.
        days_s: all days that this process computed, checkpoints included.
        resumed_from: the day of the checkpoint that it began from; None where it began at the beginning.
    """

    series: CitySeries
    start_s: float
    days_s: float
    resumed_from: int | None


def run(
    config: CityConfig,
    population: Population,
    *,
    device: torch.device,
    folder: Path,
    on_day: OnDay = lambda day, counts: None,
) -> CityRun:
    """Run a city to its last day, from the checkpoint in its folder if one is there.

    Args:
        config: of the run.
        population: of the run.
        device: of the torch back end.
        folder: takes the checkpoint.
        on_day: told each day, and how many agents are in each stage.

    Raises:
        ConfigError: the configuration does not fit the population.
        DataError: the checkpoint is damaged, or of another run or population.
    """
    started = time.perf_counter()
    agents = agents_of(config, population, device)
    recorder = CityRecorder(*places_of(population))
    file, tag = folder / CHECKPOINT, f"{config.hash} of population {population.card.sha256}"
    resumed_from = None
    if file.exists():
        saved, _ = checkpoint.load(file, checkpoint.Nothing, owner=tag)
        agents.load(saved)
        recorder.load(saved, agents)
        resumed_from = agents.step
    else:
        recorder.see(agents)
    on_day(agents.step, recorder.last)
    begun = written = time.perf_counter()
    while agents.step < config.days:
        agents.update()
        recorder.see(agents)
        on_day(agents.step, recorder.last)
        every = config.checkpoint.every_days
        due = every and agents.step % every == 0
        if agents.step < config.days and (due or time.perf_counter() - written >= config.checkpoint.every_s):
            checkpoint.save(file, agents.save() | recorder.save(), owner=tag)
            written = time.perf_counter()
    return CityRun(recorder.series, begun - started, time.perf_counter() - begun, resumed_from)
