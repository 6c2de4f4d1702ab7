"""Several simulations over the same seeds: scenarios that are compared, and sweeps over values."""

import contextlib
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from lpm_secure.scenario import runs
from lpm_secure.scenario.ensemble.ensemble import EnsembleTask
from lpm_secure.scenario.progress import journal_folder
from lpm_secure.scenario.results.comparison import ScenarioComparison
from lpm_secure.scenario.results.result import Result
from lpm_secure.scenario.settings import plain
from lpm_secure.scenario.simulation import Simulation
from protocols.errors import ParameterError

MOST: Final = 1_000  # scenarios


def compare(
    scenarios: Mapping[str, Simulation | Result],
    *,
    seeds: int | Sequence[int] = 20,
    workers: int | None = None,
    device: str = "auto",
    progress: bool = True,
    journal: Path | str | None = None,
) -> ScenarioComparison:
    """Run scenarios over the same seeds, and hold all against the first one.

    Draws are by seed, agent, purpose and step, so that scenarios of the same people have common random numbers:
    differences are of pairs, and far less noisy than means.

    Args:
        scenarios: simulations by their names, the first of which is the base; or results that are there already.
        seeds: how many, from the first simulation's own on; or which.
        workers, device, progress, journal: as `Simulation.run` has them.

    Returns:
        Paired differences of each series, day by day, with intervals, and the results.

    Raises:
        ParameterError: there are fewer than two; or their seeds, days or series cannot be paired.
    """
    if not isinstance(scenarios, Mapping) or len(scenarios) < 2:
        raise ParameterError('scenarios are by their names, two or more: {"as is": one, "masks": other}')
    wrong = [name for name, each in scenarios.items() if not isinstance(each, Simulation | Result)]
    if wrong:
        raise ParameterError(f"the scenario {wrong[0]} is neither a Simulation nor a Result; give one")
    todo = {name: each for name, each in scenarios.items() if isinstance(each, Simulation)}
    _require_same_steps({name: each.steps for name, each in scenarios.items()})
    found = _run(todo, seeds, workers=workers, device=device, progress=progress, journal=journal)
    there = {name: each for name, each in scenarios.items() if isinstance(each, Result)}
    return ScenarioComparison({name: (found | there)[name] for name in scenarios})


def sweep(
    simulation: Simulation,
    values: Mapping[str, Sequence[Any]] | None = None,
    /,
    *,
    seeds: int | Sequence[int] = 20,
    workers: int | None = None,
    device: str = "auto",
    progress: bool = True,
    journal: Path | str | None = None,
    **lists: Sequence[Any],
) -> ScenarioComparison:
    """Run a simulation with every combination of values, all over the same seeds.

    Args:
        simulation: that is changed.
        values: lists by names with dots, as `Simulation.with_` takes them.
        seeds, workers, device, progress, journal: as `compare` has them.
        **lists: of values by names.

    Returns:
        As `compare` does, a scenario for each combination, called `name=value`.

    Raises:
        ParameterError: as `with_` does; or there are fewer than two combinations, or too many.
    """
    settings = grid({**(values or {}), **lists})
    simulations = {label(each): simulation.with_(each) for each in settings}
    _require_same_steps({name: each.steps for name, each in simulations.items()})
    found = _run(simulations, seeds, workers=workers, device=device, progress=progress, journal=journal)
    return ScenarioComparison(found, {label(each): each for each in settings})


def grid(values: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """Return every combination of values, by their names.

    Raises:
        ParameterError: there are fewer than two, or too many, or no lists.
    """
    listed = {name: plain(each) for name, each in values.items()}
    for name, each in listed.items():
        if name == "seed":
            raise ParameterError("seed is what all combinations share; give seeds=[...] in its place")
        if not isinstance(each, list):
            raise ParameterError(f"{name} is {each!r}; give a list of values")
    combinations = [dict(zip(listed, each, strict=True)) for each in itertools.product(*listed.values())]
    if not 2 <= len(combinations) <= MOST:
        raise ParameterError(f"there are {len(combinations)} combinations of values; give 2 to {MOST:,}")
    if len({label(each) for each in combinations}) < len(combinations):
        raise ParameterError("a value is there twice; give each once")
    return combinations


def label(setting: Mapping[str, Any]) -> str:
    """Return how a combination of values is called."""
    return ", ".join(f"{name}={value}" for name, value in setting.items())


def _require_same_steps(steps: Mapping[str, int]) -> None:
    """Refuse scenarios that could not be paired day by day, before any of them runs."""
    if len(set(steps.values())) > 1:
        got = ", ".join(f"{name} {count}" for name, count in steps.items())
        raise ParameterError(f"the scenarios have different numbers of steps: {got}; give all the same")


def _run(
    simulations: Mapping[str, Simulation],
    seeds: int | Sequence[int],
    *,
    workers: int | None,
    device: str,
    progress: bool,
    journal: Path | str | None,
) -> dict[str, Result]:
    if not simulations:
        return {}
    listed = next(iter(simulations.values())).seeds(seeds)
    tasks = {name: EnsembleTask(each.config, each.beside) for name, each in simulations.items()}
    with contextlib.ExitStack() as stack:
        for each in simulations.values():
            stack.enter_context(each.own_names())
        folder = journal_folder(journal)
        return runs.run_clear(tasks, listed, workers=workers, device=device, progress=progress, journal=folder)
