"""`lpm keys` and `lpm identity`: certificates for the parties of a run, and the keys of its servers."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lpm_secure.cli.figures import Json, say
from protocols.errors import ParameterError

if TYPE_CHECKING:
    from protocols.identity.certificates import Authority


def keys(
    folder: Annotated[Path, typer.Argument(help="Where the authority and a folder for each party go.")],
    names: Annotated[
        list[str] | None, typer.Argument(help="Parties, by their names in the manifest; `engine` for the engine.")
    ] = None,
    request: Annotated[
        Path | None, typer.Option(help="Sign this request of the one party named, whose key was made elsewhere.")
    ] = None,
    days: Annotated[float, typer.Option(help="How long the certificates are valid.", min=0.01, max=825)] = 90.0,
    as_json: Json = False,
) -> None:
    """Make certificates for mutual TLS, private keys with mode 0600; without names, tell when those here expire.

    The first call in a folder makes its authority; later ones sign with it. Keep `authority.key` off line: who holds it
    can pass for any party. Keys that are made here are known here: for real parties, sign requests (`lpm identity`)
    and invite clients (`lpm invite`), whose keys never leave them.
    """
    from lpm_secure.project.authority import authority_in
    from protocols.identity import certificates
    from protocols.identity.trust import require_name

    if not names:
        _show_expiry(folder, as_json=as_json)
        return
    for name in names:
        if (folder / require_name(name)).exists():
            raise ParameterError(f"{folder / name} is there already; remove it, or choose another name")
    if request is not None and len(names) != 1:
        raise ParameterError(f"got {len(names)} names for one request; name the party that made it")
    authority = authority_in(folder, days=days)
    if request is not None:
        _certify(folder / names[0], authority, request, days=days)
        line = f"{folder / names[0]}: hand it back; its two files go beside the key"
        say((line,), {"folders": [str(folder / names[0])]}, as_json=as_json)
        return
    for name in names:
        certificates.write(folder / name, authority.issue(name, days=days))
    made = [str(folder / name) for name in names]
    say(made, {"folders": made}, as_json=as_json)


def identity(
    folder: Annotated[Path, typer.Argument(help="The server's credentials; nothing may be there.")],
    name: Annotated[str, typer.Argument(help="The server's name in the manifest.")],
    operator: Annotated[str, typer.Option(help="Who runs it.")],
    dealer: Annotated[bool, typer.Option("--dealer", help="Of a semi-honest run: nothing is sealed to it.")] = False,
    as_json: Json = False,
) -> None:
    """Make all keys of an aggregator or the dealer, where it runs.

    Hand `NAME.request` to the run's operator, for a certificate and for the manifest. The keys stay here.
    """
    from lpm_secure.report.public_file import write_public
    from protocols import canonical_json
    from protocols.identity import server_request

    if folder.exists():
        raise ParameterError(f"{folder} is there already; give another folder, for keys are not written over")
    path = folder / f"{name}.request"
    made = server_request.request(folder, name, operator, dealer=dealer)
    write_public(path, canonical_json.encode(made))
    say((str(path),), {"request": str(path)}, as_json=as_json)


def _certify(folder: Path, authority: "Authority", request: Path, *, days: float) -> None:
    from protocols.identity import certificates, server_request

    asked = server_request.load(request)
    certificate = authority.certify(asked.certificate.encode(), name=folder.name, days=days)
    certificates.write_public(folder, certificates.pem_of(authority.certificate), certificate)


def _show_expiry(folder: Path, *, as_json: bool) -> None:
    from protocols.identity import certificates

    paths = sorted(folder.glob("*/certificate.pem"))
    if not paths:
        raise ParameterError(f"{folder} holds no certificates; name the parties to make some for")
    lines, figures = [], {}
    for path in paths:
        content = certificates.certificate_of(path.parent)
        soon, until = certificates.expires_soon(content), certificates.expiry(content)
        lines.append(f"{path.parent.name}  {soon or f'valid until {until:%F %T} UTC'}")
        figures[path.parent.name] = {"valid_until": until.isoformat(), "warning": soon or None}
    say(lines, {"certificates": figures}, as_json=as_json)
