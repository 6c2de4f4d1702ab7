"""`lpm amortise`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lpm_secure.cli.figures import Json, show
from protocols.errors import ConfigError

if TYPE_CHECKING:
    from lpm_secure.calibration.amortisation.comparison import Online
    from lpm_secure.calibration.amortisation.job import AmortisationResult
    from lpm_secure.calibration.config import CalibrationConfig


def amortise(
    config: Annotated[Path, typer.Argument(help="TOML; examples/hospitals.toml explains each key.", metavar="CONFIG")],
    *,
    out: Annotated[Path, typer.Option(help="The folder `NAME` is made in it.")] = Path("runs"),
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the folder's last checkpoint.")] = False,
    periods: Annotated[
        int | None, typer.Option(help="Periods of the series so far; data.fit_periods if not given.")
    ] = None,
    compare: Annotated[
        bool, typer.Option("--compare", help="With the fit of lpm calibrate in the folder, or fit now.")
    ] = False,
    collect: Annotated[Path, typer.Option(help="Where all figures go too; other figures in it stay.")] = Path(
        "build/calibration.json"
    ),
    as_json: Json = False,
) -> None:
    """Train a posterior for any period on simulations; then every new period costs one sum, not a fit.

    Each institution embeds its series so far; only the sum of the embeddings is opened, and a flow turns it into a
    posterior. With --resume after the last round, nothing is trained: the posterior after --periods comes at once.
    All institutions are played in this process, whatever `federation.transport` says.
    Exit code 2 for a mistake in the input, 3 if no sum can be released.
    """
    from lpm_secure.calibration.amortisation import job, table
    from lpm_secure.calibration.config import load
    from lpm_secure.cli.progress import round_bar
    from lpm_secure.report import folder as folders

    content = load(config)
    if compare and periods not in {None, content.data.fit_periods}:
        raise ConfigError(
            f"got --compare and --periods {periods}; the fit reads {content.data.fit_periods} periods: ask for as many"
        )
    folder = folders.last_of(out, content.name)
    with round_bar(f"{content.name}, amortised", rounds=content.amortised.rounds) as on_round:
        trained = job.amortise(
            content, folder, periods=periods, resume=resume, on_round=lambda posterior: on_round(posterior.round, "")
        )
    fitted = _online(content, trained, folder) if compare else None
    summary = table.summary_of(trained, fitted)
    folders.write(folder, summary)
    folders.merge_figures(collect, summary.figures)
    show(summary, as_json)


def _online(config: "CalibrationConfig", trained: "AmortisationResult", folder: Path) -> "Online":
    """Return the online fit of the same weeks, from its checkpoint or fitted now."""
    from lpm_secure.calibration.amortisation import comparison
    from lpm_secure.cli.progress import round_bar

    with round_bar(f"{config.name}, online fit", rounds=config.fit.rounds) as on_round:
        return comparison.online(
            config, trained.study, folder, on_round=lambda fit: on_round(fit.round, f"{fit.members} institutions")
        )
