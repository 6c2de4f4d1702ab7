"""What every sealed byte is bound to: version, run, client and aggregator."""

from dataclasses import dataclass
from typing import Final, final

VERSION: Final = b"lpm-seal 1"


@final
@dataclass(frozen=True, slots=True)
class Route:
    """From which client to which aggregator, in which run.

    Attributes:
        run: SHA-256 of the manifest.
        client, aggregator: names in it.
    """

    run: bytes
    client: str
    aggregator: str

    def header(self, purpose: bytes) -> bytes:
        """Return the canonical bytes for one purpose; no two routes or purposes give the same."""
        parts = (VERSION, purpose, self.run, self.client.encode(), self.aggregator.encode())
        return b"".join(len(part).to_bytes(2, "big") + part for part in parts)
