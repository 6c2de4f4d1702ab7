"""Jobs of the command line as a program calls them: sensitivities and calibrations."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from lpm_secure.analysis.sensitivity.config import GradientsConfig, config_of
from lpm_secure.analysis.sensitivity.config import load as load_gradients
from lpm_secure.analysis.sensitivity.problem_config import ProblemConfig, SeriesConfig
from lpm_secure.analysis.sensitivity.sensitivity import Sensitivity, estimate
from lpm_secure.analysis.sensitivity.setup import setup_of
from lpm_secure.calibration import job as calibrations
from lpm_secure.calibration.config import load as load_calibration
from lpm_secure.calibration.job import CalibrationResult
from lpm_secure.config.simulation import Config
from lpm_secure.models.model import Model
from lpm_secure.models.reference import name_of
from lpm_secure.scenario.progress import watch
from lpm_secure.scenario.results.words import series_names
from lpm_secure.scenario.simulation import Simulation
from protocols.errors import ParameterError


def sensitivity(
    source: Simulation | type[Model] | str,
    *,
    parameters: Sequence[str] | str = (),
    outputs: Sequence[str] | str = (),
    problem: str | None = None,
    progress: bool = True,
) -> Sensitivity:
    """Estimate what every output owes to every parameter, as `lpm sensitivity` does; `.table()` has it.

    Args:
        source: a simulation, own people and what is known of them too; a model, among drawn people; or the path of a
            configuration.
        parameters: by which; all unless given.
        outputs: names of series at the end; all unless given.
        problem: of a configuration of several; the first unless given.
        progress: show how far it is.

    Raises:
        ParameterError: no such model, parameter or output; or what sensitivities do not take.
    """
    content, run = _gradients(source)
    asked: dict[str, Any] = {"only": series_names(parameters)} if parameters else {}
    if outputs:
        asked["outputs"] = tuple(SeriesConfig(series=name) for name in series_names(outputs))
    models = tuple(msgspec.structs.replace(each, **asked) for each in content.model)
    chosen = msgspec.structs.replace(content, model=models).problem_of(problem)
    setup = setup_of(chosen, seed=content.seed, run=run)
    seeds = range(content.first_seed, content.first_seed + chosen.sensitivity_seeds)
    with watch([chosen.name], seeds=len(seeds), shown=progress) as on_series:
        return estimate(setup, seeds, difference=content.difference, on_seed=lambda: on_series(0))


def calibrate(
    config: Path | str, *, out: Path | str = "runs", resume: bool = False, progress: bool = True
) -> CalibrationResult:
    """Let institutions fit one model together, and forecast, as `lpm calibrate` does; checkpoints lie in `OUT/NAME`.

    Args:
        config: the path of a calibration's configuration.
        out: a folder is made in it.
        resume: go on from the folder's checkpoint.
        progress: show how far it is.

    Raises:
        ParameterError: a mistake in the input, or an unfinished fit and no `resume`.
        ProtocolError: the fit cannot go on.
    """
    content = load_calibration(Path(config))
    with watch([content.name], seeds=content.fit.rounds, shown=progress) as on_series:
        return calibrations.calibrate(
            content, Path(out) / content.name, resume=resume, on_round=lambda fit: on_series(0)
        )


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
