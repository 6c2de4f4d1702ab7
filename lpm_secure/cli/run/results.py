"""`lpm compare` and `lpm runs`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from lpm_secure.cli.figures import Json, show
from protocols.errors import ParameterError


def compare(
    runs: Annotated[
        list[Path], typer.Argument(help="Folders of runs, the first of which is the base.", metavar="RUN RUN...")
    ],
    *,
    out: Annotated[Path | None, typer.Option(help="Folder to write; none unless given.")] = None,
    as_json: Json = False,
) -> None:
    """Hold runs against the first one, seed by seed: paired differences, with 95 % intervals where there are seeds.

    With --out writes series and differences (Parquet and CSV), compare.json and report.html. Exit code 2 where seeds,
    days or series cannot be paired.
    """
    from lpm_secure.scenario.results.comparison import ScenarioComparison
    from lpm_secure.scenario.results.storage import open_result

    names = [run.resolve().name for run in runs]
    if len(set(names)) < len(names):
        raise ParameterError(f"got {', '.join(map(str, runs))}; give folders of different names")
    comparison = ScenarioComparison(dict(zip(names, map(open_result, runs), strict=True)))
    if out is not None:
        comparison.save(out)
    show(comparison.summary(out), as_json=as_json)


def runs(
    folder: Annotated[Path, typer.Argument(help="That runs are in.")] = Path("runs"), *, as_json: Json = False
) -> None:
    """List the runs of a folder that have ended, the last one first."""
    import datetime

    import msgspec

    from lpm_secure.scenario.results.storage import list_runs

    entries = list_runs(folder)
    if as_json:
        typer.echo(json.dumps(msgspec.to_builtins(entries)))
        return
    for entry in entries:
        ended = datetime.datetime.fromtimestamp(entry.ended_s).isoformat(sep=" ", timespec="minutes")
        parity = f", parity {entry.parity}" if entry.parity else ""
        typer.echo(f"{ended}  {entry.folder}  {entry.name}, {entry.seeds} seed{'s' * (entry.seeds > 1)}{parity}")
