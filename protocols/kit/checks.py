"""What may be wrong with a kit on its own machine: files, certificates, clock, disk, ports, proxies."""

import contextlib
import datetime
import errno
import os
import shutil
import socket
from collections.abc import Iterator, Mapping
from typing import Final

from cryptography import x509

from protocols.errors import LpmError
from protocols.file_mode import can_others_change, mode_for_others
from protocols.identity import certificates
from protocols.identity.server_keys import IDENTITY, SEALING, digest_of, digest_of_key
from protocols.kit.kit import MANIFEST, Kit
from protocols.task.manifest import Manifest
from protocols.task.signature import trust_of

LEAST_FREE: Final = 256 * 2**20  # bytes: stores and journals grow
PROXIES: Final = ("grpc_proxy", "https_proxy", "http_proxy")  # in the order in which gRPC looks for them
EXEMPT: Final = ("no_grpc_proxy", "no_proxy")
LOOPBACK: Final = ("localhost", "127.", "[::1]")
NO_ADDRESS: Final = "a server needs an address and a port of this machine that its user may open; see listen"


def files(kit: Kit) -> Iterator[str]:
    """Yield what is missing, and what others than the owner may read or change."""
    try:
        kit.accept()
    except LpmError as error:
        yield str(error)
    for path in (*(kit.credentials / name for name in (IDENTITY, SEALING, "private.key")), *kit.folder.glob("*.csv")):
        if path.exists() and (mode := mode_for_others(path)):
            yield f"{path} has mode {mode}, and others may read it; chmod 600 {path}"
    if can_others_change(kit.folder):
        yield f"{kit.folder} can be changed by others than its owner; chmod 700 {kit.folder}"


def clock(kit: Kit, now: datetime.datetime) -> Iterator[str]:
    """Yield that the clock is behind what was made elsewhere before."""
    made = {f"{kit.folder} was made": kit.file.made}
    if kit.accepted:
        with contextlib.suppress(ValueError):  # it is no certificate, which is said below
            own = x509.load_pem_x509_certificate(certificates.certificate_of(kit.credentials))
            made["its certificate became valid"] = own.not_valid_before_utc
    for what, moment in made.items():
        if now < moment:
            yield f"the clock says {now:%F %T} UTC, and {what} at {moment:%F %T} UTC; set the clock"
            return


def certificate(kit: Kit, now: datetime.datetime) -> Iterator[str]:
    """Yield what keeps others from taking this party's certificate."""
    if not kit.accepted:
        return
    try:
        own = certificates.read(kit.credentials)
        if (name := certificates.name_of(own.certificate)) != kit.file.name:
            yield f"the certificate is for {name}, and the kit of {kit.file.name}; ask the run's operator for yours"
        parsed, authority = (x509.load_pem_x509_certificate(each) for each in (own.certificate, own.authority))
        parsed.verify_directly_issued_by(authority)
        if digest_of(own.certificate) != digest_of_key(certificates.key_of(kit.credentials)):
            yield f"the certificate is not for the keys in {kit.credentials}; ask the run's operator for theirs"
    except LpmError as error:
        yield str(error)
        return
    except Exception:
        yield "the certificate was not issued by authority.pem beside it; ask the run's operator for both"
        return
    for what, end in (("certificate", parsed.not_valid_after_utc), ("authority", authority.not_valid_after_utc)):
        if now >= end:
            yield f"the {what} expired at {end:%F %T} UTC; ask the run's operator for a new one"


def expiry(kit: Kit, now: datetime.datetime) -> Iterator[str]:
    """Yield that this party's certificate is about to expire, or will while the run may still go on: nothing is wrong.

    A party whose certificate has expired needs a new invitation, or the answer to a new request.
    """
    if not kit.accepted:
        return
    content = certificates.certificate_of(kit.credentials)
    if soon := certificates.expires_soon(content, now=now):
        yield f"ahead: {soon}"
        return
    with contextlib.suppress(LpmError):  # that the manifest cannot be used is said elsewhere
        end = trust_of(kit.manifest()).not_after
        if (valid := certificates.expiry(content)) < end:
            yield (
                f"ahead: the certificate expires at {valid:%F %T} UTC, and the run may go on until {end:%F %T}; "
                "ask the run's operator for another one before"
            )


def signature(kit: Kit) -> Iterator[str | Manifest]:
    """Yield the manifest, or why it cannot be used."""
    if not (kit.folder / MANIFEST).exists():
        if kit.accepted:
            yield f"{kit.folder / MANIFEST} is not there; put it and its signature there, as the run's operator sent it"
        return
    try:
        yield kit.manifest()
    except LpmError as error:
        yield str(error)


def disk(kit: Kit) -> Iterator[str]:
    """Yield that there is no room, or no right, to write."""
    free = shutil.disk_usage(kit.folder).free
    if free < LEAST_FREE:
        yield f"{kit.folder} has {free // 2**20} MiB of disk space left; make room for {LEAST_FREE // 2**20} MiB"
    if not os.access(kit.folder, os.W_OK):
        yield f"{kit.folder} cannot be written to, and results and records go there; give its owner the right"


def ports(kit: Kit) -> Iterator[str]:
    """Yield the addresses that this machine cannot serve on."""
    for address in kit.file.listen:
        host, _, port = address.rpartition(":")
        try:
            family, kind, _, _, place = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)[0]
            with socket.socket(family, kind) as server:
                server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                server.bind(place)
        except socket.gaierror:
            yield f"cannot serve on {address}: {host} is not known to this machine; correct the name, or its DNS"
        except (OSError, OverflowError) as error:
            reason, number = (error.strerror, error.errno) if isinstance(error, OSError) else ("no such port", None)
            advice = "free the port: does this party run already?" if number == errno.EADDRINUSE else NO_ADDRESS
            yield f"cannot serve on {address} ({reason}); {advice}"


def proxies(addresses: Mapping[str, str], environment: Mapping[str, str]) -> Iterator[str]:
    """Yield that calls to others would go through a proxy, which cannot pass them on.

    Args:
        addresses: by the names of those who are called.
        environment: variables of this process.
    """
    name = next((each for each in PROXIES if environment.get(each)), None)
    if name is None:
        return
    exempt = [
        host.strip() for host in ",".join(environment.get(each, "") for each in EXEMPT).split(",") if host.strip()
    ]
    for party, address in addresses.items():
        host = address.rpartition(":")[0]
        if not host.startswith(LOOPBACK) and not any(host == each or host.endswith(each) for each in exempt):
            yield f"{name} is set, and calls to {party} would go through it; add {host} to no_proxy, or unset {name}"
