"""`lpm risk`."""

from pathlib import Path
from typing import Annotated

import typer

from lpm_secure.cli.figures import Json, say
from lpm_secure.cli.trust.audit import audit


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
    from lpm_secure.analysis.risk import job, report
    from lpm_secure.analysis.risk.config import load
    from lpm_secure.report import folder as folders

    content = load(config)
    result = job.run(content, out=out)
    summary = report.summary_of(content, result)
    folders.write(result.folders[0].parent, summary)
    say(summary.lines, summary.figures, as_json=as_json)
    failed = not summary.passed
    for folder in result.folders:
        if not as_json:  # else a line for the risks, and one for each audit
            typer.echo(f"\naudit of the {folder.name}")
        try:
            audit(folder, operator_key=None, runs=None, build_checks=folder == result.folders[-1], as_json=as_json)
        except typer.Exit:
            failed = True
    if failed:
        raise typer.Exit(1)
