"""Who calls: pinned certificates of the other aggregators, and how often anybody may call."""

import functools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, final

from protocols.errors import ConfigError, NotEnrolled, TooManyCalls
from protocols.identity.server_keys import digest_of
from protocols.task.manifest import Manifest

BURST_S: Final = 2.0  # so many seconds' calls at once
MAX_BUCKETS: Final = 100_000


@final
@dataclass(slots=True)
class TokenBucket:
    """Calls that are left, and when they were counted."""

    left: float
    at: float


@final
class Callers:
    """What the manifests say of those who call, and a bucket of calls for each.

    Another aggregator calls for itself and for the clients whose calls it passes on, so it may call as often as all.
    """

    def __init__(
        self, manifests: Sequence[Manifest], *, calls_per_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Take the pins of all runs that are served."""
        self._pins: dict[str, bytes] = {}
        self.clients = 1  # of the largest run
        self._rate, self._clock = calls_per_s, clock
        self._buckets: dict[str, TokenBucket] = {}
        for manifest in manifests:
            self.add(manifest)

    def add(self, manifest: Manifest) -> None:
        """Take the pins of one more run.

        Raises:
            ConfigError: see `require_keys`.
        """
        self.require_keys(manifest)
        self._pins.update(_pins(manifest))
        self.clients = max(self.clients, len(manifest.clients))

    def require_keys(self, manifest: Manifest) -> None:
        """Refuse a run whose manifest pins another key for an aggregator's name than the runs before.

        Security: calls are told apart by names, so whoever held either key could speak in all of these runs.

        Raises:
            ConfigError: it does.
        """
        for name, pin in _pins(manifest).items():
            if self._pins.get(name, pin) != pin:
                raise ConfigError(
                    f"the manifest {manifest.name} pins another key of {name} than a run that this server has: give "
                    "it another name there, or start another server"
                )

    def weight(self, caller: str) -> int:
        """Return for how many clients a caller may speak."""
        return self.clients + 1 if caller in self._pins else 1

    def check(self, caller: str, context: Any) -> None:
        """Let a call in.

        Raises:
            NotEnrolled: the caller has an aggregator's name, but not its pinned key.
            TooManyCalls: it called too often.
        """
        pinned = self._pins.get(caller)
        if pinned is not None and certificate_digest(context) != (pinned or None):
            raise NotEnrolled(f"the certificate of {caller} is not the one that the manifest pins; compare the keys")
        self.count(caller)

    def count(self, caller: str) -> None:
        """Count one call of a caller; see `check`."""
        now, rate = self._clock(), self._rate * self.weight(caller)
        if len(self._buckets) >= MAX_BUCKETS:
            self._buckets.clear()  # names are certified, so that many are no attack, but memory stays bounded
        bucket = self._buckets.setdefault(caller, TokenBucket(rate * BURST_S, now))
        bucket.left = min(rate * BURST_S, bucket.left + (now - bucket.at) * rate)
        bucket.at = now
        if bucket.left < 1:
            raise TooManyCalls(f"{caller} calls more than {rate:g} times a second; call again later")
        bucket.left -= 1


def _pins(manifest: Manifest) -> dict[str, bytes]:
    """Return what the certificate of each aggregator is pinned by; nothing, which none has, where it is not."""
    keys = {} if manifest.trust is None else manifest.trust.keys
    return {party.name: keys[party.name].certificate if party.name in keys else b"" for party in manifest.aggregators}


def certificate_digest(context: Any) -> bytes:
    """Return the digest of the key in the certificate that TLS has verified; nothing if there is none."""
    found = context.auth_context().get("x509_pem_cert", [])
    return _digest(bytes(found[0])) if len(found) == 1 else b""


@functools.lru_cache(maxsize=256)
def _digest(certificate: bytes) -> bytes:
    return digest_of(certificate)
