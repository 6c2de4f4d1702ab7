"""`lpm invite`, `lpm enrol` and `lpm admit`: how a client gets its certificate without showing a key."""

from pathlib import Path
from typing import Annotated, Any

import typer

from lpm_secure.cli.figures import Json, say
from protocols.errors import NotEnrolled, ParameterError
from protocols.exit_code import MISTAKE

Folder = Annotated[Path, typer.Argument(help="The run's operator's, with the authority that `lpm keys` made.")]
Days = Annotated[float, typer.Option(help="How long it is valid.", min=0.01, max=825)]


def invite(
    folder: Folder,
    names: Annotated[list[str], typer.Argument(help="Clients, by their names in the manifest.")],
    days: Days = 14.0,
    *,
    as_json: Json = False,
) -> None:
    """Write an invitation for each client, `FOLDER/NAME.invitation`: hand it over on a channel you trust.

    Each can be used once. The authority and the operator's key are made in the folder if they are not there.
    """
    from lpm_secure.project.authority import INVITATIONS, authority_in, operator_key_in
    from protocols import canonical_json
    from protocols.identity import enrolment, signing
    from protocols.identity.trust import require_name

    for name in names:
        if (folder / require_name(name) / "certificate.pem").exists():
            raise ParameterError(f"{folder / name} is a party with a certificate already; choose another name")
    authority_in(folder, days=825)
    signer = operator_key_in(folder)
    paths = []
    for name in names:
        made = enrolment.invite(folder / INVITATIONS, signer, name, days=days)
        path = folder / f"{name}.invitation"
        path.unlink(missing_ok=True)  # a later invitation stands in for an earlier one
        signing.write_private(path, canonical_json.encode(made))
        paths.append(str(path))
    say(paths, {"invitations": paths}, as_json=as_json)


def enrol(
    kit: Annotated[Path, typer.Argument(help="A party's kit; or an invitation; or, with --accept, the answer.")],
    folder: Annotated[Path | None, typer.Argument(help="For a client's credentials, where there is no kit.")] = None,
    accept: Annotated[bool, typer.Option("--accept", help="Put the operator's answer beside the keys.")] = False,
    *,
    as_json: Json = False,
) -> None:
    """Make a party's keys here, and write the request to hand to the run's operator."""
    from client_sdk.__main__ import enrol as enrol_client
    from protocols.kit.kit import Kit

    if kit.is_dir() and folder is None and (loaded := Kit.load(kit)).file.role != "client":
        from aggregator.kit import enrol as enrol_server

        made = str(enrol_server(loaded))
    else:
        made = str(enrol_client(kit, folder, accept=accept))
    say((made,), {"made": made}, as_json=as_json)


def admit(
    folder: Folder,
    requests: Annotated[list[Path], typer.Argument(help="Requests that clients made from their invitations.")],
    days: Days = 90.0,
    *,
    as_json: Json = False,
) -> None:
    """Sign the certificates that invited clients ask for, `NAME.enrolled` beside each request, to hand back."""
    from lpm_secure.project.authority import INVITATIONS, OPERATOR, authority_in
    from lpm_secure.report.public_file import write_public
    from protocols import canonical_json
    from protocols.identity import enrolment, signing

    if not (folder / INVITATIONS).is_dir():
        raise ParameterError(f"{folder} has made no invitations; give the folder that `lpm invite` was given")
    authority = authority_in(folder, days=days)
    operator_key = signing.public_of(signing.read_key(folder / OPERATOR))
    refused, enrolled = list[str](), list[str]()
    for path in requests:
        try:
            request = enrolment.load_request(path)
            answer = enrolment.enrol(folder / INVITATIONS, authority, request, operator_key=operator_key, days=days)
        except (ParameterError, NotEnrolled) as error:
            refused.append(str(error) if str(path) in str(error) else f"{path}: {error}")
            continue
        out = path.with_name(f"{answer.name}.enrolled")
        write_public(out, canonical_json.encode(answer))
        enrolled.append(str(out))
    mistake = "; ".join(refused)
    ending: dict[str, Any] = {"error": mistake, "exit_code": MISTAKE} if refused else {}
    say(enrolled, {"enrolled": enrolled, "refused": refused} | ending, as_json=as_json)
    if refused and as_json:
        typer.echo(f"lpm: {mistake}", err=True)
        raise typer.Exit(MISTAKE)
    if refused:
        raise ParameterError(mistake)
