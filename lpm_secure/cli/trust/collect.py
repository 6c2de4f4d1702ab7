"""`lpm collect`."""

from pathlib import Path
from typing import Annotated

import typer

from lpm_secure.cli.figures import Json, say
from lpm_secure.cli.trust.manifest import OPERATOR


def collect(
    manifest: Annotated[Path, typer.Argument(help="manifest.json of the run; its signature lies beside it.")],
    ledgers: Annotated[
        list[Path], typer.Argument(help="ledger-*.jsonl of each aggregator, as its operator handed it in.")
    ],
    key: Annotated[Path, typer.Option(help="The private key of the run's operator, who signs the index.")] = Path(
        OPERATOR
    ),
    out: Annotated[Path, typer.Option(help="Folder to make.")] = Path("collected"),
    *,
    as_json: Json = False,
) -> None:
    """Make the folder that `lpm audit` checks, of a run whose parties ran apart; its operator signs it."""
    from lpm_secure.audit.gather import gather
    from protocols.identity import signing

    missing = gather(manifest, ledgers, key=signing.read_key(key), out=out)
    for name in () if as_json else missing:
        typer.echo(f"no ledger of {name}: the audit will say so", err=True)
    lines = (f"check it with: lpm audit {out} --operator-key KEY",)
    say(lines, {"folder": str(out), "missing": list(missing)}, as_json=as_json)
