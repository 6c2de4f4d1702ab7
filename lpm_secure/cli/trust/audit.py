"""`lpm audit`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from protocols.errors import ParameterError

if TYPE_CHECKING:
    from lpm_secure.audit.audit import Report

FROM_FOLDER: Final = (
    "the operator's key was taken from the folder itself, and whoever can write there can replace it; ask the run's "
    "operator for the key, and give it with --operator-key"
)


def audit(
    folder: Annotated[Path, typer.Argument(help="Folder of a run that has ended.", metavar="RUN_DIR")],
    operator_key: Annotated[
        str | None, typer.Option(help="Of the run's operator, base64, known from elsewhere. By default the folder's.")
    ] = None,
    runs: Annotated[
        int | None, typer.Option(help="Replays of each noise path; as many as it needs by default.", min=2_000)
    ] = None,
    build_checks: Annotated[
        bool, typer.Option(help="Test this build too: views, noise, and mutants of both; takes a minute or less.")
    ] = True,
) -> None:
    """Check offline what a run was allowed to learn, what it learned, and who was told what; and test this build.

    Writes audit.json and audit.html into the folder. Exit code 1 if anything was found, 2 for a mistake in the input.
    """
    from lpm_secure.audit import audit as audits
    from lpm_secure.audit import page as pages
    from lpm_secure.audit.two_worlds import RUNS
    from lpm_secure.cli.progress import check_bar

    if not (folder / "index.json").is_file():
        raise ParameterError(f"{folder} has no index.json; give the folder of a private run that has ended, runs/ID")
    key = audits.key_of(operator_key if operator_key is not None else _pinned_key(folder))
    replays = (RUNS if runs is None else runs) if build_checks else None
    with check_bar("audit") as on_check:
        report = audits.audit(folder, operator_key=key, runs=replays, on_check=on_check)
    if operator_key is None:
        report.notes.append(FROM_FOLDER)
    page = pages.write(folder, report)
    _show(report, notes=(FROM_FOLDER, audits.SKIPPED, audits.ACTIVE))
    typer.echo(f"report: {page}")
    if report.findings:
        raise typer.Exit(1)


def _show(report: "Report", *, notes: tuple[str, ...]) -> None:
    """Print checks, what releases cost, and those of the notes that nobody should miss."""
    for name, lines in report.checks.items():
        typer.echo(f"{'ok  ' if not lines else 'FAIL'}  {name}")
        for line in lines:
            typer.echo(f"        {line}")
    for row in report.privacy:
        cost = (
            "exact, no privacy budget"
            if row["epsilon"] is None
            else f"epsilon {row['epsilon']:.6g}, unit {row['unit']}"
        )
        typer.echo(f"release {row['release']}: {cost}")
    if report.together:
        typer.echo(str(report.together))
    for note in notes:
        if note in report.notes:
            typer.echo(note)


def _pinned_key(folder: Path) -> str:
    """Return the operator's key that the engine pins; where no engine has a file, as in a calibration, a party's."""
    import msgspec

    path = folder / "parties" / "engine" / "engine.json"
    configs = sorted(folder.glob("parties/*/config.toml"))
    try:
        if not path.exists() and configs:
            path = configs[0]
            return str(msgspec.toml.decode(path.read_bytes())["operator_key"])
        return str(msgspec.json.decode(path.read_bytes())["operator_key"])
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, KeyError, TypeError):
        raise ParameterError(f"{path} pins no operator's key; give it with --operator-key") from None
