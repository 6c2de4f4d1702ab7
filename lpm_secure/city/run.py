"""Move a city on, day by day, with a checkpoint now and then: killed at any moment, it goes on with the same bits."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

import numpy as np

from lpm_secure import checkpoint
from lpm_secure.city.agents import agents_of, places_of
from lpm_secure.city.config import CityConfig
from lpm_secure.city.model import model_of
from lpm_secure.city.recorder import CityRecorder
from lpm_secure.city.series import CitySeries, CityWords
from lpm_secure.config.environment import environment_of
from lpm_secure.engine.device import Device
from lpm_secure.environments.announcer import Announcer
from lpm_secure.populations import Population
from protocols.arithmetic.fixed_point import I64
from protocols.models.graph import ModelGraph
from protocols.report.model_report import parameters_in_words

OnDay = Callable[[int, CityWords, I64], None]
CHECKPOINT: Final = "checkpoint.safetensors"


@final
@dataclass(frozen=True, slots=True, eq=False)
class CityRun:
    """A series, and what it took.

    Attributes:
        start_s: drawing the agents, or loading them.
        days_s: all days that this process computed, checkpoints included.
        resumed_from: the day of the checkpoint that it began from; None where it began at the beginning.
        parameters: of the model, with their units, in words.
    """

    series: CitySeries
    start_s: float
    days_s: float
    resumed_from: int | None
    parameters: Sequence[tuple[str, str, str]] = ()


@final
class DayNumbers:
    """The environment's numbers of each day, from the totals of the days before."""

    def __init__(self, graph: ModelGraph, config: CityConfig, words: CityWords) -> None:
        """Begin a run."""
        public = dict(sorted(graph.public.items()))
        environment = environment_of(config.environment)
        self._announcer = Announcer(public, environment, steps=config.days, words=words.names)
        self._step = 0

    @property
    def numbers(self) -> Mapping[str, Sequence[int]]:
        """Of each public number its values by now."""
        return self._announcer.numbers

    def next(self, counts: I64) -> dict[str, int]:
        """Return the numbers of the next day, which releases these totals."""
        self._announcer.announce(self._step)
        self._announcer.observe(np.zeros_like(counts), counts, np.zeros(0, dtype=np.int64))
        self._step += 1
        return {name: numbers[-1] for name, numbers in self.numbers.items()}


def run(
    config: CityConfig,
    population: Population,
    *,
    device: Device,
    folder: Path,
    on_day: OnDay = lambda day, words, counts: None,
) -> CityRun:
    """Run a city to its last day, from the checkpoint in its folder if one is there.

    Args:
        config: of the run.
        population: of the run.
        device: of the torch back end.
        folder: takes the checkpoint.
        on_day: told each day, and the totals of stages and observables.

    Raises:
        ConfigError: the configuration does not fit the population, or the model.
        ModelError: the model or the environment has a mistake.
        DataError: the checkpoint is damaged, or of another run or population.
    """
    started = time.perf_counter()
    model = model_of(config, population)
    agents, words = agents_of(config, model, device), CityWords.of(model.graph)
    recorder = CityRecorder(words, *places_of(population))
    announcer = DayNumbers(model.graph, config, words)
    file, tag = folder / CHECKPOINT, f"{config.hash} of population {population.card.sha256}"
    resumed_from = None
    if file.exists():
        saved, _ = checkpoint.load(file, checkpoint.Nothing, owner=tag)
        agents.load(saved)
        recorder.load(saved, agents)
        resumed_from = agents.step
    else:
        recorder.see(agents)
    for counts in recorder.counts[:-1]:
        announcer.next(counts)
    on_day(agents.step, words, recorder.counts[-1])
    begun = written = time.perf_counter()
    while agents.step < config.days:
        agents.update(announcer.next(recorder.counts[-1]))
        recorder.see(agents)
        on_day(agents.step, words, recorder.counts[-1])
        every = config.checkpoint.every_days
        due = every and agents.step % every == 0
        if agents.step < config.days and (due or time.perf_counter() - written >= config.checkpoint.every_s):
            checkpoint.save(file, agents.save() | recorder.save(), owner=tag)
            written = time.perf_counter()
    announcer.next(recorder.counts[-1])
    series, days_s = recorder.series(announcer.numbers), time.perf_counter() - begun
    parameters = parameters_in_words(model.graph, model.parameters)
    return CityRun(series, begun - started, days_s, resumed_from, parameters)
