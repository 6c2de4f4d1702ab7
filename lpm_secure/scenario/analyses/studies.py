"""Sensitivities and verifications of gradients, as the command line and a program ask for them."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from lpm_secure.analysis.sensitivity import tornado
from lpm_secure.analysis.sensitivity.config import GradientsConfig, config_of
from lpm_secure.analysis.sensitivity.config import load as load_gradients
from lpm_secure.analysis.sensitivity.problem_config import ProblemConfig, SeriesConfig
from lpm_secure.analysis.sensitivity.relaxed_runs import RelaxedRuns
from lpm_secure.analysis.sensitivity.sensitivity import Sensitivity, estimate
from lpm_secure.analysis.sensitivity.setup import ESTIMATORS, setup_of
from lpm_secure.analysis.sensitivity.verification import Verification, verify
from lpm_secure.config.simulation import Config
from lpm_secure.gradients.estimators.finite_difference import FiniteDifference
from lpm_secure.models.model import Model
from lpm_secure.models.reference import name_of
from lpm_secure.report.run_counter import count_runs
from lpm_secure.report.summary import Summary
from lpm_secure.report.table import both
from lpm_secure.scenario.progress import OnSeries, journal_folder, watch
from lpm_secure.scenario.results.analysis import Analysis
from lpm_secure.scenario.results.words import series_names
from lpm_secure.scenario.simulation import Simulation
from protocols.errors import ParameterError

AT_MOST: Final = "The number of runs is the most that there may be: an estimator that is precise enough takes fewer."


def sensitivity(
    source: Simulation | type[Model] | str,
    *,
    parameters: Sequence[str] | str = (),
    outputs: Sequence[str] | str = (),
    problem: str | None = None,
    steps: int | None = None,
    progress: bool = True,
    journal: Path | str | None = None,
) -> Analysis[Sensitivity]:
    """Estimate what every output owes to every parameter, as `lpm sensitivity` does.

    Args:
        source: a simulation, own people and what is known of them too; a model, among drawn people; or the path of a
            configuration.
        parameters: by which; all unless given.
        outputs: names of series at the end; all unless given.
        problem: of a configuration of several; the first unless given.
        steps: of each run; those of the source unless given.
        progress: show how far it is.
        journal: a folder in which `lpm serve` sees the same; none unless given.

    Returns:
        The table `sensitivity`: a row for each output and parameter, with the derivative in the output's unit by the
        parameter's, the effect of 10 % more of it, and standard errors; tornado plots.

    Raises:
        ParameterError: no such model, parameter or output; or what sensitivities do not take.
    """
    content, run = _asked(source, parameters, outputs, steps)
    chosen = content.problem_of(problem)
    setup = setup_of(chosen, seed=content.seed, run=run)
    seeds = range(content.first_seed, content.first_seed + chosen.sensitivity_seeds)
    with (
        count_runs(journal_folder(journal), kind="sensitivity", name=chosen.name, total=len(seeds)) as counter,
        watch([chosen.name], seeds=len(seeds), shown=progress) as on_series,
    ):

        def on_seed() -> None:
            counter.add()
            on_series(0)

        found = estimate(setup, seeds, difference=content.difference, on_seed=on_seed)
    rows = (table := found.table()).to_pylist()
    lines = (f"{row['output']} by {row['parameter']}: {row['effect']:+.3g} ±{row['effect_error']:.1g}" for row in rows)
    summary = Summary(
        file="sensitivity.json",
        figures={"problem": chosen.name, "entries": rows},
        lines=tuple(lines),
        tables=both("sensitivity", table),
        page=tornado.page_of(found),
    )
    return Analysis(found, summary)


def relax(
    source: Simulation | type[Model] | str, *, problem: str | None = None, steps: int | None = None
) -> RelaxedRuns:
    """Return relaxed runs of a source, whose expected totals are torch tensors: to train an environment through them.

    Args:
        source, problem, steps: as `sensitivity` has them.

    Raises:
        ModelError: the model has no relaxed runs.
        ParameterError: no such model or problem.
    """
    content, run = _asked(source, (), (), steps)
    return RelaxedRuns(setup_of(content.problem_of(problem), seed=content.seed, run=run))


def verify_gradients(
    source: type[Model] | str,
    *,
    only: Sequence[str] | str = (),
    parameters: Sequence[str] | str = (),
    outputs: Sequence[str] | str = (),
    steps: int | None = None,
    progress: bool = True,
    journal: Path | str | None = None,
) -> Iterator[tuple[Verification, Mapping[str, str]]]:
    """Hold every gradient estimator against finite differences, as `lpm verify-gradients` does.

    Args:
        source: a model, among drawn people; or the path of a configuration.
        only: names of its problems; all unless given.
        parameters, outputs, steps, progress, journal: as `sensitivity` has them.

    Yields:
        Of each problem, as soon as it is there, its verification, whose `rows()` are plain values; and why it has not
        some of the estimators.

    Raises:
        ParameterError: no such model, problem, parameter or output.
    """
    content, run = _asked(source, parameters, outputs, steps)
    problems = [content.problem_of(name) for name in series_names(only)] if only else list(content.model)
    total = sum(sum(each.seeds.values()) for each in problems)
    name, folder = ", ".join(each.name for each in problems), journal_folder(journal)
    with count_runs(folder, kind="verification of gradients", name=name, total=total, facts=(AT_MOST,)) as counter:
        for each in problems:
            setup = setup_of(each, seed=content.seed, run=run)
            known = {**ESTIMATORS, FiniteDifference.name: FiniteDifference(content.difference)}
            missing = {name: why for name, why in setup.missing.items() if name in set[str](each.seeds)}
            estimators = {known[name]: seeds for name, seeds in each.seeds.items() if name not in missing}
            titles = [f"{each.name}: {estimator.name}, at most" for estimator in estimators]
            with watch(titles, seeds=list(estimators.values()), shown=progress) as on_series:
                names = [estimator.name for estimator in estimators]

                def on_seed(
                    name: str, names: Sequence[str] = names, on_series: OnSeries = on_series, problem: str = each.name
                ) -> None:
                    counter.enter(f"{problem}: {name}")
                    counter.add()
                    on_series(names.index(name))

                verification = verify(
                    setup.problem,
                    setup.theta,
                    estimators,
                    first_seed=content.first_seed,
                    target=content.relative_error,
                    on_seed=on_seed,
                )
            yield verification, missing


def _asked(
    source: Any, parameters: Sequence[str] | str, outputs: Sequence[str] | str, steps: int | None
) -> tuple[GradientsConfig, Config | None]:
    """Return what is estimated of a source, with what was asked for of each problem."""
    content, run = _gradients(source)
    asked: dict[str, Any] = {
        "only": series_names(parameters),
        "outputs": tuple(SeriesConfig(series=name) for name in series_names(outputs)),
        "steps": steps,
    }
    given = {name: value for name, value in asked.items() if value}
    models = tuple(msgspec.structs.replace(each, **given) for each in content.model)
    return msgspec.structs.replace(content, model=models), run


def _gradients(source: Any) -> tuple[GradientsConfig, Config | None]:
    """Return what is estimated, and the run that it is of where that is no file."""
    if isinstance(source, Simulation):
        if not isinstance(source.config, Config):
            raise ParameterError(f"{source.config.name} is a city, which sensitivities do not take; give its model")
        config = source.config
        return GradientsConfig(model=(ProblemConfig(name=config.name, run=config.name),)), config
    if isinstance(source, type) and issubclass(source, Model):
        return config_of(name_of(source)), None
    if not isinstance(source, str | Path):
        raise ParameterError(f"source is {source!r}; give a Simulation, a model or the path of a configuration")
    path = Path(source)
    return (load_gradients(path) if path.suffix == ".toml" or path.is_file() else config_of(str(source))), None
