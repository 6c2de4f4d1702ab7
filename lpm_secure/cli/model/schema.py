"""`lpm schema`."""

from typing import Annotated

import typer


def schema(
    kind: Annotated[
        str,
        typer.Argument(
            help="run, fit, city, calibration, evaluation, risk, gradients, project, calibration-project, policy, "
            "client, institution, aggregator, dealer, engine or centre.",
            metavar="KIND",
        ),
    ],
) -> None:
    """Print the JSON schema of a kind of file, by which an editor completes and checks it.

    A file names its schema in its first line, as those in examples/ do: `#:schema ../docs/schemas/run.json`.
    """
    import json

    from lpm_secure.project.documentation.schema import schema_of

    typer.echo(json.dumps(schema_of(kind), indent=1, ensure_ascii=False))
