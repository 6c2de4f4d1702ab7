"""`lpm manifest`: what a run may learn, written, signed, checked and compared."""

import base64
import json
from pathlib import Path
from typing import Annotated, Final

import typer

from lpm_secure.cli.figures import Json, say
from protocols.errors import ParameterError

app = typer.Typer(no_args_is_help=True, help="The signed description of a run: write, sign, check, compare.")
File = Annotated[Path, typer.Argument(help="manifest.json; its signature lies beside it.", metavar="MANIFEST")]
OPERATOR: Final = "operator.key"


@app.command()
def new(
    project: Annotated[Path, typer.Argument(help="TOML: `lpm project init` writes one, with every key explained.")],
    out: Annotated[Path, typer.Option(help="File to write; none may be there.")] = Path("manifest.json"),
    *,
    as_json: Json = False,
) -> None:
    """Write a manifest for real parties, from a project and `requests/NAME.request` of each server beside it."""
    from lpm_secure.project.kits import load_kind
    from protocols.task import manifest as manifests

    manifest = load_kind(project).manifest_with_keys()
    write_new(out, manifests.encode(manifest))
    run = manifests.run_id(manifest).hex()
    lines = (f"{out}: run {run}", f"now sign it: lpm manifest sign {out} --key {OPERATOR}")
    say(lines, {"manifest": str(out), "run": run}, as_json=as_json)


@app.command()
def sign(
    manifest: File,
    key: Annotated[Path, typer.Option(help="The operator's private key, made here if it is not there.")] = Path(
        OPERATOR
    ),
    *,
    as_json: Json = False,
) -> None:
    """Sign a manifest as the run's operator, and print the key that every party must pin."""
    from lpm_secure.report.public_file import write_public
    from protocols import canonical_json
    from protocols.identity import signing
    from protocols.task import manifest as manifests
    from protocols.task import signature as signatures

    content = manifests.load(manifest)
    if not key.exists():
        signing.write_key(key, signing.new_key())
        typer.echo(f"{key}: a new key; keep it off line", err=True)
    signer = signing.read_key(key)
    signature = signatures.sign(content, signer)
    write_public(signatures.signature_path(manifest), canonical_json.encode(signature))
    path, public = signatures.signature_path(manifest), base64.b64encode(signing.public_of(signer)).decode()
    figures = {"signature": str(path), "operator": signature.operator, "operator_key": public}
    say((f"{path}: signed as {signature.operator}", f'operator_key = "{public}"'), figures, as_json=as_json)


@app.command()
def countersign(
    manifest: File,
    folder: Annotated[Path, typer.Argument(help="The server's own, as lpm identity made it.", metavar="FOLDER")],
    operator_key: Annotated[
        str, typer.Option(help="Base64, as you got it from the run's operator, not with the manifest.")
    ],
    *,
    as_json: Json = False,
) -> None:
    """Sign a manifest as the operator of one of its servers; the file goes beside the manifest of every party."""
    from protocols import canonical_json
    from protocols.atomic_file import write_atomically
    from protocols.file_mode import PUBLIC_MODE
    from protocols.identity import signing
    from protocols.identity.server_keys import IDENTITY
    from protocols.task import signature as signatures

    content = signatures.load_verified(manifest, operator_key=signing.public_key_of(operator_key))
    signed = signatures.countersign(content, signing.read_key(folder / IDENTITY))
    path = signatures.countersignature_path(manifest, signed.server)
    write_atomically(path, canonical_json.encode(signed), mode=PUBLIC_MODE)
    figures = {"countersignature": str(path), "server": signed.server, "run": signed.run.hex()}
    say((f"{path}: signed as {signed.server}, run {signed.run.hex()}",), figures, as_json=as_json)


@app.command()
def verify(
    manifest: File,
    operator_key: Annotated[str, typer.Option(help="Base64, as you got it from the operator, not with the manifest.")],
    *,
    as_json: Json = False,
) -> None:
    """Check that a manifest is what its operator signed, and valid now; exit code 2 if not."""
    from protocols.report.manifest_page import verify_lines

    lines = list(verify_lines(manifest, operator_key))
    say(lines, {"manifest": str(manifest), "verified": lines}, as_json=as_json)


@app.command()
def show(manifest: File, *, as_json: Json = False) -> None:
    """Print what a manifest asks, in sentences, and every field; nothing is checked but its form."""
    from protocols.report.manifest_page import show_lines
    from protocols.report.overview import describe_run
    from protocols.task import manifest as manifests

    if as_json:
        content = manifests.load(manifest)
        run, fields = manifests.run_id(content).hex(), json.loads(manifests.encode(content))
        figures = {"run": run, "manifest": fields, "sentences": describe_run(content)}
        say((), figures, as_json=True)
    for line in () if as_json else show_lines(manifest):
        typer.echo(line)


@app.command()
def diff(
    one: File,
    other: Annotated[Path, typer.Argument(help="Another manifest.json.", metavar="OTHER")],
    *,
    as_json: Json = False,
) -> None:
    """Print each field in which two manifests differ; exit code 1 if there is one."""
    from protocols.report.manifest_page import differences
    from protocols.task import manifest as manifests

    changes = differences(manifests.load(one), manifests.load(other))
    figures = [{"field": path, "one": mine, "other": theirs} for path, mine, theirs in changes]
    lines = (f"{path}\n  - {mine}\n  + {theirs}" for path, mine, theirs in changes)
    say(lines, {"differences": figures}, as_json=as_json)
    if changes:
        raise typer.Exit(1)


def write_new(path: Path, content: bytes) -> None:
    """Write a public file where none is."""
    try:
        with path.open("xb") as file:
            file.write(content)
    except OSError as error:
        raise ParameterError(f"cannot write {path}: {error.strerror}") from error
