"""Aggregators' MPC parties and a dealer as real processes on loopback, with certificates of their own."""

import datetime
import os
import select
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from aggregator.mpc import DealerConfig, Endpoint, Identity, PartyConfig
from lpm_secure.testbed.deployment import free_addresses
from protocols.errors import LpmError
from protocols.identity.certificates import Authority, new_authority
from tests.integration.mpc_party import get, put
from tests.zygote import WORKER

PARTY = str(Path(__file__).with_name("mpc_party.py"))
PATIENCE_S = 90.0


def identity(folder: Path, authority: Authority, name: str) -> Identity:
    """Write a party's certificate files."""
    shown = authority.issue(name)
    files = Identity(folder / f"{name}.ca.pem", folder / f"{name}.pem", folder / f"{name}.key.pem")
    files.authority.write_bytes(shown.authority)
    files.certificate.write_bytes(shown.certificate)
    files.private_key.write_bytes(shown.private_key)
    return files


def with_key_of(files: Identity, authority: Authority, name: str) -> Identity:
    """Write a certificate for another name over the same key: what an operator who plays two parts would show."""
    key = serialization.load_pem_private_key(files.private_key.read_bytes(), None)
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]))
        .issuer_name(authority.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(authority.private_key, hashes.SHA256())
    )
    shown = files.certificate.with_name(f"{name}.same-key.pem")
    shown.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return replace(files, certificate=shown)


def free_ports(count: int) -> list[int]:
    """Return ports that nobody else is given."""
    return [int(address.split(":")[1]) for address in free_addresses(count)]


def split(numbers: Any, k: int, rng: np.random.Generator) -> list[Any]:
    """Return additive shares modulo 2**64."""
    numbers = np.asarray(numbers, np.int64)
    shares = [rng.integers(-(2**63), 2**63, len(numbers), dtype=np.int64) for _ in range(k - 1)]
    with np.errstate(over="ignore"):
        return [*shares, numbers - sum(shares, np.zeros(len(numbers), np.int64))]


def joined(shares: list[Any]) -> Any:
    """Return what additive shares stand for."""
    with np.errstate(over="ignore"):
        return sum(shares[1:], shares[0])


class Process:
    """One process, which this test started and ends by its own id."""

    def __init__(self, config: PartyConfig | DealerConfig) -> None:
        self.config = config
        (calls, ours), (theirs, answers) = os.pipe(), os.pipe()
        self._calls, self._answers = os.fdopen(ours, "wb", 0), os.fdopen(theirs, "rb", 0)
        with os.fdopen(calls), os.fdopen(answers, "wb"):
            self._child = WORKER.start([PARTY], stdin=calls, stdout=answers, stderr=sys.__stderr__.fileno())
        self._send(config)

    def _send(self, what: object) -> None:
        put(self._calls.fileno(), what)

    def call(self, name: str, *args: Any, **kwargs: Any) -> None:
        self._send((name, args, kwargs))

    def answer(self) -> Any:
        """Wait for an answer; an error is returned, not raised."""
        if not select.select([self._answers], [], [], PATIENCE_S)[0]:
            raise AssertionError("a party did not answer: its timeouts do not bound it")
        try:
            return get(self._answers.fileno())
        except EOFError:
            return None  # it was killed

    @property
    def peak_mib(self) -> float:
        """The most memory that the process has held."""
        status = Path(f"/proc/{self._child.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) / 1024

    def signal(self, number: int) -> None:
        os.kill(self._child.pid, number)

    def end(self) -> None:
        for number in (signal.SIGCONT, signal.SIGKILL):
            if self._child.poll() is None:
                os.kill(self._child.pid, number)
        self._child.wait()
        for pipe in (self._calls, self._answers):
            pipe.close()


class Parties:
    """k aggregators and a dealer."""

    def __init__(self, configs: list[PartyConfig], dealer: DealerConfig) -> None:
        self.configs, self.k = configs, len(configs)
        self.dealer = Process(dealer)
        assert self.dealer.answer() == "ready"
        self.workers = [Process(config) for config in configs]
        for worker in self.workers:
            assert worker.answer() == "ready"

    def call(self, name: str, *shares: list[Any], **kwargs: Any) -> list[Any]:
        """Call all parties at once, each with its own share; return results and errors by rank."""
        self.begin(name, *shares, **kwargs)
        return self.answers()

    def begin(self, name: str, *shares: list[Any], **kwargs: Any) -> None:
        for rank, worker in enumerate(self.workers):
            worker.call(name, *(share[rank] for share in shares), **kwargs)

    def answers(self) -> list[Any]:
        return [worker.answer() for worker in self.workers]

    def settled(self, name: str, *shares: list[Any], attempts: int = 6, **kwargs: Any) -> list[Any]:
        """Call all parties again until no one reports an error, as a round's driver would."""
        for _ in range(attempts):
            answers = self.call(name, *shares, **kwargs)
            if not any(isinstance(answer, LpmError) for answer in answers):
                return answers
        raise AssertionError(f"no agreement: {answers}")

    def restart(self, rank: int) -> None:
        self.workers[rank].end()
        self.workers[rank] = Process(self.configs[rank])
        assert self.workers[rank].answer() == "ready"

    def restart_dealer(self) -> None:
        self.dealer.end()
        self.dealer = Process(self.dealer.config)
        assert self.dealer.answer() == "ready"

    def end(self) -> None:
        for process in (*self.workers, self.dealer):
            process.end()


@contextmanager
def parties(
    folder: Path,
    k: int,
    *,
    timeout_s: float = 20.0,
    join_timeout_s: float = 30.0,
    dealer_has_key_of: int | None = None,
    through: Callable[[Endpoint], Endpoint] = lambda operator: operator,
) -> Iterator[Parties]:
    """Start k aggregators and a dealer, and end them; `through` says where others reach an operator."""
    authority = new_authority("testbed")
    names = [f"operator-{letter}" for letter in "abcdefgh"[:k]] + ["operator-of-the-dealer"]
    *operators, dealer = (
        Endpoint(name, "127.0.0.1", port) for name, port in zip(names, free_ports(k + 1), strict=True)
    )
    files = {name: identity(folder, authority, name) for name in names}
    if dealer_has_key_of is not None:
        files[dealer.name] = with_key_of(files[names[dealer_has_key_of]], authority, dealer.name)
    run = os.urandom(32)
    configs = [
        PartyConfig(
            rank,
            tuple(through(other) if seen < rank else other for seen, other in enumerate(operators)),
            through(dealer),
            files[operator.name],
            run=run,
            timeout_s=timeout_s,
            join_timeout_s=join_timeout_s,
        )
        for rank, operator in enumerate(operators)
    ]
    started = Parties(
        configs, DealerConfig(dealer, tuple(operators), files[dealer.name], run=run, timeout_s=timeout_s, testbed=True)
    )
    try:
        yield started
    finally:
        started.end()
