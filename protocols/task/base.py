"""What every run's manifest says, whatever is computed: who takes part, for how long, and what may be released."""

from typing import Annotated, Final, Literal

import msgspec

from protocols.identity.trust import Name, Trust
from protocols.releases.query import Releases
from protocols.task.parties import AggregatorParty

FORMAT: Final = 2  # of manifests
Security = Literal["semi-honest", "active"]
Positive = Annotated[int, msgspec.Meta(ge=1, le=2**32)]
Seconds = Annotated[float, msgspec.Meta(gt=0, le=86_400)]


class BaseManifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, dict=True, tag_field="task"):
    """What all manifests have; subclasses are final, and each has a tag of its own.

    `dict` keeps what follows from a manifest, such as its layout.

    Attributes:
        min_cohort: a release covers at least so many clients; one without agents, where others have some, is none.
        trust: whose run it is, until when, and all parties' keys. Without it nothing can be sealed: for tests inside
            one process only; every process refuses such a manifest.
        join_timeout_s: how long the first round waits for clients; `round_timeout_s` likewise for every later one.
        releases: what is opened to all, with what noise; without it everything that the task yields, exact.
    """

    version: Literal[2] = 2
    name: Name
    aggregators: tuple[AggregatorParty, ...]
    min_cohort: Positive
    trust: Trust | None = None
    join_timeout_s: Seconds = 60.0
    round_timeout_s: Seconds = 10.0
    releases: Releases | None = None

    @property
    def signers(self) -> tuple[str, ...]:
        """Return who signs messages beside the servers."""
        return ()
