"""`lpm risk`."""

from pathlib import Path
from typing import Annotated

import typer

from lpm_secure.cli.figures import Json, say
from lpm_secure.cli.trust.audit import print_report, run_audit


def risk(
    config: Annotated[Path, typer.Argument(help="TOML; examples/risk.toml explains each key.", metavar="CONFIG")],
    out: Annotated[Path, typer.Option(help="A folder `NAME-ID` is made in it.")] = Path("runs"),
    *,
    as_json: Json = False,
) -> None:
    """Tell each device its person's risk of the coming week, and the health authority their noised distribution.

    Writes `OUT/NAME-ID/` with risk_summary.json, report.html and the folders of both runs. Ends with both audits;
    the second one tests this build too. Exit code 1 if the clear replay differs or an audit finds anything, 2 for a
    mistake in the input, 3 if a run cannot go on.
    """
    from lpm_secure.scenario.analyses import risks

    found, reports = risks.risk(config, out=out), {}
    for line in () if as_json else found.summary.lines:
        typer.echo(line)
    for folder in found.result.folders:
        report, page = run_audit(folder, build_checks=folder == found.result.folders[-1])
        reports[folder.name] = report
        if not as_json:
            typer.echo(f"\naudit of the {folder.name}")
            print_report(report, page)
    audits = {name: report.figures() for name, report in reports.items()}
    say((), {**found.figures, "audits": audits}, as_json=as_json)
    if not found.passed or any(report.findings for report in reports.values()):
        raise typer.Exit(1)
