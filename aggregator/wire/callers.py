"""Who calls: pinned certificates of the other aggregators, and how often anybody may call."""

import functools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, final

from protocols.errors import NotEnrolled, TooManyCalls
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
        self._pins: dict[str, set[bytes]] = {}
        self.clients = 1  # of the largest run
        self._rate, self._clock = calls_per_s, clock
        self._buckets: dict[str, TokenBucket] = {}
        for manifest in manifests:
            self.add(manifest)

    def add(self, manifest: Manifest) -> None:
        """Take the pins of one more run."""
        for party in manifest.aggregators:
            keys = manifest.trust.keys.get(party.name) if manifest.trust is not None else None
            self._pins.setdefault(party.name, set()).update([keys.certificate] if keys else [])
        self.clients = max(self.clients, len(manifest.clients))

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
        if pinned is not None and certificate_digest(context) not in pinned:
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


def certificate_digest(context: Any) -> bytes:
    """Return the digest of the key in the certificate that TLS has verified; nothing if there is none."""
    found = context.auth_context().get("x509_pem_cert", [])
    return _digest(bytes(found[0])) if len(found) == 1 else b""


@functools.lru_cache(maxsize=256)
def _digest(certificate: bytes) -> bytes:
    return digest_of(certificate)
