"""Whether another party can be reached, and whether each takes the other's certificate."""

import asyncio
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, final

from protocols.errors import ConfigError, Unavailable

TIMEOUT_S: Final = 5.0
FIRST_S: Final = 5.0  # until whoever waits is told for whom,
AGAIN_S: Final = 15.0  # and how often after that
PAUSE_S: Final = 0.25
ANSWER_S: Final = 1.0  # for the other side to refuse this one's certificate
EXPIRED: Final = (10, 9)  # X509_V_ERR_CERT_HAS_EXPIRED, and CERT_NOT_YET_VALID
WRONG_NAME: Final = (62, 64)  # X509_V_ERR_HOSTNAME_MISMATCH, and IP_ADDRESS_MISMATCH


@final
class NoAnswer(Exception):
    """A party that does not answer at its address, as one that has not started."""


def reach(name: str, address: str, credentials: Path) -> str | None:
    """Connect to a party and leave at once; return what is wrong with its certificate, or with this one's there.

    Args:
        name: that its certificate must have.
        address: host and port.
        credentials: folder with own certificate and authority.

    Raises:
        NoAnswer: nobody answers; with the reason.
    """
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=TIMEOUT_S) as plain:
            return _greet(plain, name, address, credentials)
    except socket.gaierror:
        raise NoAnswer(f"{host} is not known to this machine") from None
    except TimeoutError:
        raise NoAnswer(f"no answer in {TIMEOUT_S:g} s: a firewall, or another address") from None
    except (OSError, OverflowError) as error:
        reason = (error.strerror or "closed") if isinstance(error, OSError) else "no such port"
        raise NoAnswer(reason.lower()) from None


async def wait_for_servers(
    addresses: Mapping[str, str], credentials: Path, *, patience_s: float, say: Callable[[str], None]
) -> None:
    """Wait until servers answer, and say for whom this party waits.

    Args:
        addresses: by the servers' names.
        credentials: folder with own certificate and authority.
        patience_s: how long to wait in all.
        say: is given a line for whoever waits.

    Raises:
        ConfigError: a server's certificate, or this party's there, is wrong.
        Unavailable: a server does not answer in time.
    """
    begin, next_s = time.monotonic(), FIRST_S
    for name, address in addresses.items():
        while True:
            try:
                if wrong := reach(name, address, credentials):
                    raise ConfigError(wrong)
                break
            except NoAnswer as error:
                passed = time.monotonic() - begin
                if passed > patience_s:
                    raise Unavailable(f"{name} does not answer at {address} ({error}); ask its operator") from None
                if passed >= next_s:
                    say(f"waiting for {name} at {address} ({error})")
                    next_s = passed + AGAIN_S
            await asyncio.sleep(PAUSE_S)


def _greet(plain: socket.socket, name: str, address: str, folder: Path) -> str | None:
    context = ssl.create_default_context(cafile=str(folder / "authority.pem"))
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(folder / "certificate.pem", folder / "private.key")
    context.set_alpn_protocols(["h2"])
    try:
        with context.wrap_socket(plain, server_hostname=name) as secure:
            secure.settimeout(ANSWER_S)
            secure.recv(1)  # a server speaks first, or says here that it does not take our certificate
    except ssl.SSLCertVerificationError as error:
        if error.verify_code in EXPIRED:
            reason = error.verify_message
            return f"the certificate of {name} at {address} is not valid now ({reason}); ask its operator to renew it"
        if error.verify_code in WRONG_NAME:
            return f"another party than {name} answers at {address}; check the address in the project"
        return f"the certificate of {name} at {address} is of another authority; is it of another run?"
    except ssl.SSLError as error:
        if "ALERT" in str(error.reason):
            alert = str(error.reason).lower().replace("_", " ")
            return f"{name} at {address} does not take this party's certificate ({alert}); ask the run's operator"
        return f"no TLS 1.3 at {address}, where {name} should be ({error.reason}); is it another server's port?"
    except TimeoutError:
        pass  # it waits for us to speak
    return None
