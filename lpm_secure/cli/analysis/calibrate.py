"""`lpm calibrate`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from lpm_secure.cli.figures import Json, show
from protocols.errors import ParameterError

if TYPE_CHECKING:
    from lpm_secure.calibration.config import CalibrationConfig


def calibrate(
    config: Annotated[Path, typer.Argument(help="TOML; examples/hospitals.toml explains each key.", metavar="CONFIG")],
    *,
    out: Annotated[Path, typer.Option(help="The folder `NAME` is made in it, or `NAME-2` and on.")] = Path("runs"),
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the folder's last checkpoint.")] = False,
    transport: Annotated[
        Literal["in-process", "native", "flower"] | None,
        typer.Option(help="How gradients travel, in place of the configuration's; the same numbers each way."),
    ] = None,
    collect: Annotated[Path, typer.Option(help="Where all figures go too; other figures in it stay.")] = Path(
        "build/calibration.json"
    ),
    as_json: Json = False,
) -> None:
    """Let institutions that may not pool their series fit one model together, and forecast.

    Each round the centre publishes courses drawn from the posterior; each institution answers with the gradient of its
    own likelihood, clipped and split into shares; only the sum over all is opened. Writes `OUT/NAME/`, or `NAME-2` and
    on where that has a fit, with calibration.csv (values and bands by institution and period),
    calibration_posterior.csv, calibration_scores.csv, calibration.json and report.html. Exit code 2 for a mistake in
    the input, 3 if the fit cannot go on.

    A run's configuration with a table [fit] is fitted through its private agents instead: each round is a run whose
    derivatives are sums over clients (`--transport in-process`: in the clear, the same bits).
    """
    from lpm_secure.calibration import job, report
    from lpm_secure.calibration.config import load
    from lpm_secure.calibration.figures import POSTERIOR
    from lpm_secure.calibration.noise_table import noise_table
    from lpm_secure.calibration.people.config import is_people
    from lpm_secure.cli.progress import round_bar
    from lpm_secure.report import folder as folders

    if is_people(config):
        _calibrate_people(config, out, resume=resume, transport=transport, as_json=as_json)
        return
    content = _travelling_by(transport, load(config))
    folder = folders.folder_for(out, content.name, result=POSTERIOR, resume=resume)
    with round_bar(content.name, rounds=content.fit.rounds) as on_round:
        result = job.calibrate(
            content, folder, resume=resume, on_round=lambda fit: on_round(fit.round, f"{fit.members} institutions")
        )
    summary = report.summary_of(result, noise_table(content, result.study), folder)
    folders.write(folder, summary)
    folders.merge_figures(collect, summary.figures)
    show(summary, as_json)
    if content.federation.transport == "native" and not as_json:
        _show_audit(folder)


def _calibrate_people(config: Path, out: Path, *, resume: bool, transport: str | None, as_json: bool) -> None:
    """Fit a run's parameters through its private agents."""
    from lpm_secure.calibration.people import job, report
    from lpm_secure.calibration.people.config import load_people
    from lpm_secure.cli.progress import round_bar
    from lpm_secure.report import folder as folders

    asked = load_people(config)
    if transport == "flower":
        raise ParameterError(
            'got --transport flower, which carries sums of series; people take "native" or "in-process"'
        )
    folder = folders.folder_for(out, asked.run.name, result=report.POSTERIOR, resume=resume)
    with round_bar(asked.run.name, rounds=asked.fit.rounds) as on_round:
        result = job.fit_people(asked, folder, private=transport != "in-process", resume=resume, on_round=on_round)
    summary = report.summary_of(result, folder)
    folders.write(folder, summary)
    show(summary, as_json)


def _travelling_by(transport: str | None, config: "CalibrationConfig") -> "CalibrationConfig":
    """Return a configuration with the transport that was asked for."""
    import msgspec

    if transport is None:
        return config
    federation = msgspec.structs.replace(config.federation, transport=transport)
    return msgspec.structs.replace(config, federation=federation)


def _show_audit(folder: Path) -> None:
    """Print how the last run of the parties' processes is audited."""
    from lpm_secure.audit.index import INDEX
    from lpm_secure.calibration.transports import PARTIES

    indices = sorted((folder / PARTIES).glob(f"*/{INDEX}"), key=lambda path: path.stat().st_mtime)
    for index in indices[-1:]:
        typer.echo(f"audit        lpm audit {index.parent}")
