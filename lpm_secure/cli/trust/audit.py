"""`lpm audit`."""

import shutil
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lpm_secure.cli.figures import Json, say

if TYPE_CHECKING:
    from lpm_secure.audit.audit import Report


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
    as_json: Json = False,
) -> None:
    """Check offline what a run was allowed to learn, what it learned, and who was told what; and test this build.

    Writes audit.json and audit.html into the folder. Exit code 1 if anything was found, 2 for a mistake in the input.
    """
    report, page = run_audit(folder, operator_key=operator_key, build_checks=build_checks, runs=runs)
    if as_json:
        say((), report.figures(), as_json=True)
    else:
        print_report(report, page)
    if report.findings:
        raise typer.Exit(1)


def run_audit(folder: Path, **given: Any) -> tuple["Report", Path]:
    """Audit a run as `lpm.audit` does, write both files into its folder, and return the report and its page."""
    from lpm_secure.audit import page as pages
    from lpm_secure.scenario.analyses import audits

    report = audits.audit(folder, **given)
    return report, pages.write(folder, report)


def print_report(report: "Report", page: Path) -> None:
    """Print checks, what releases cost, those of the notes that nobody should miss, and where the page is."""
    from lpm_secure.audit.audit import ACTIVE, FROM_FOLDER, SKIPPED

    for name, lines in report.checks.items():
        _say(f"{'ok  ' if not lines else 'FAIL'}  {name}", indent=6)
        for line in lines:
            _say(f"        {line}", indent=8)
    for row in report.privacy:
        cost = (
            "exact, no privacy budget"
            if row["epsilon"] is None
            else f"epsilon {row['epsilon']:.6g}, unit {row['unit']}"
        )
        _say(f"release {row['release']}: {cost}")
    if report.together:
        _say(str(report.together))
    for note in (FROM_FOLDER, SKIPPED, ACTIVE):
        if note in report.notes:
            _say(note)
    typer.echo(f"report: {page}")


def _say(line: str, *, indent: int = 2) -> None:
    """Print a line, on a terminal broken between words; in a file or pipe it stays one line."""
    if sys.stdout.isatty():
        width = shutil.get_terminal_size().columns
        line = textwrap.fill(line, width, subsequent_indent=" " * indent, break_on_hyphens=False)
    typer.echo(line)
