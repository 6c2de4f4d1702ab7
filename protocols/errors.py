"""Every error that this project raises on purpose.

    LpmError
    ├── ParameterError           a value that a person gave: exit code 2, nothing lost
    │   ├── ConfigError          in a configuration file
    │   ├── DataError            in a data file, with its row
    │   ├── WouldWrap            totals that could leave the ring's signed range
    │   ├── OtherVersion         a file that another version of this program wrote, and reads
    │   ├── BadSignature         a file that its signer did not sign, or is not valid now
    │   ├── PolicyConflict       a manifest that a client's policy does not allow, with file and line
    │   └── ModelError           a model whose parts do not fit together
    │       └── BoundError       a number of a model whose range cannot be proved, with its node
    ├── ProtocolError            a party did what the protocol does not allow, or cannot go on
    │   ├── WireError            bytes that no encoder of ours produces
    │   ├── WrongLength          a vector of the wrong length
    │   ├── ManifestMismatch     a call that belongs to another run
    │   ├── NotEnrolled          a caller that the manifest does not name, or in another role
    │   │   └── Revoked          a client that an operator has shut out since
    │   ├── NotSealed            a call that was to be sealed, or that does not open
    │   ├── NotJoined            an exchange before the join
    │   ├── ConflictingReplay    another body for a call already taken
    │   ├── RoundClosed          a share for a step that is over
    │   │   ├── ShareRefused     a secure sum was opened without a share that was out of its range
    │   │   └── AnswerLost       what was sent counted, and the answer to it did not come
    │   ├── RoundAhead           a share for a step that has not begun
    │   ├── BudgetSpent          a release would cost more privacy than the manifest allows
    │   ├── CohortTooSmall       a release over fewer clients than promised
    │   ├── PartiesDisagree      aggregators told a client different things
    │   └── RunEnded             a run is over for good at an aggregator, whoever calls, and after a restart too
    │       ├── OutOfRange       somebody shared a number that is out of its range
    │       ├── AnnouncementsDiffer  the engine announced other things to other aggregators
    │       ├── ResultsDiffer    aggregators hold different results of one joint computation
    │       ├── RepeatSpent      a joint computation would have to be done again a second time in a run
    │       ├── RecordsDiffer    what a party has kept is not of the moment of its ledger, or of what it has sent
    │       └── RunExpired       the time for which the run's manifest is valid is over
    └── Unavailable              a party did not answer in time; the same call may be sent again
        └── TooManyCalls         a caller above its rate

Every class has a stable `code`. It travels as gRPC metadata, is mapped to a gRPC status once, in the server's
interceptor, and becomes the same class again at the client. Messages say what was got, what is allowed, what to
do, and never a private value.
"""

import difflib
from collections.abc import Collection
from typing import ClassVar


class LpmError(Exception):
    """The root; never raised itself."""

    code: ClassVar[str] = "error"
    retry: ClassVar[bool] = False  # may the same call be sent again?


class ParameterError(LpmError, ValueError):
    """A value that a person gave cannot be used."""

    code = "parameter"


class ConfigError(ParameterError):
    """A configuration file cannot be used."""

    code = "config"


class DataError(ParameterError):
    """A data file cannot be used.

    Attributes:
        row: which row of the table is wrong, from 1, where one is.
    """

    code = "data"

    def __init__(self, message: str, row: int | None = None) -> None:
        """Say what is wrong, and in which row."""
        super().__init__(message)
        self.row = row


class WouldWrap(ParameterError):
    """A true total could reach 2**63, so sums modulo 2**64 would not be exact."""

    code = "would-wrap"


class OtherVersion(ParameterError):
    """A file is of another version of this program, which the message names."""

    code = "other-version"


class BadSignature(ParameterError):
    """A file is not what its signer signed, or is not valid now."""

    code = "bad-signature"


class PolicyConflict(ParameterError):
    """A manifest asks for what a client's policy does not allow."""

    code = "policy-conflict"


class ModelError(ParameterError):
    """A model has a mistake, or is none."""

    code = "model"


class BoundError(ModelError):
    """The range of a model's number does not hold, or cannot be proved.

    Attributes:
        node: number of the node in its graph; who wrote the model knows the line.
    """

    code = "bound"

    def __init__(self, message: str, node: int = 0) -> None:
        """Say which node, and why."""
        super().__init__(message)
        self.node = node


class ProtocolError(LpmError):
    """A party did what the protocol does not allow, or the run cannot go on."""

    code = "protocol"


class WireError(ProtocolError):
    """Bytes that no encoder of ours produces."""

    code = "wire"


class WrongLength(ProtocolError):
    """A vector does not have the length that the manifest gives it."""

    code = "wrong-length"


class ManifestMismatch(ProtocolError):
    """A call belongs to another run."""

    code = "manifest-mismatch"


class NotEnrolled(ProtocolError):
    """The caller's certificate names nobody whom the manifest lists in this role."""

    code = "not-enrolled"


class Revoked(NotEnrolled):
    """An operator has shut a client out; it is left out from the next round on."""

    code = "revoked"


class NotSealed(ProtocolError):
    """A call that was to be sealed came open, or does not open under this run's keys."""

    code = "not-sealed"


class NotJoined(ProtocolError):
    """A client exchanged before it joined."""

    code = "not-joined"


class ConflictingReplay(ProtocolError):
    """A call was repeated with another body."""

    code = "conflicting-replay"


class RoundClosed(ProtocolError):
    """A share came after its round had closed; the client goes on with the next step."""

    code = "round-closed"


class AnswerLost(RoundClosed):
    """What a client sent in a round counted, and it ended before it had the answer; it goes on without that."""

    code = "answer-lost"


class ShareRefused(RoundClosed):
    """A client's share holds a number that is out of its range; a secure sum was opened without it.

    The client is left out of all later rounds as well.
    """

    code = "share-refused"


class RoundAhead(ProtocolError):
    """A share came for a step that has not begun."""

    code = "round-ahead"


class CohortTooSmall(ProtocolError):
    """A release would expose fewer clients than the manifest promises."""

    code = "cohort-too-small"


class BudgetSpent(ProtocolError):
    """A release would cost more privacy than the manifest allows."""

    code = "budget-spent"


class PartiesDisagree(ProtocolError):
    """Two aggregators told different things about the same round."""

    code = "parties-disagree"


class RunEnded(ProtocolError):
    """A run is over for good at an aggregator: it computes nothing more of it, and tells nothing."""

    code = "run-ended"


class OutOfRange(RunEnded):
    """Somebody shared a number that is out of its range; nothing of the round counted."""

    code = "out-of-range"


class AnnouncementsDiffer(RunEnded):
    """The engine announced other totals or public numbers to another aggregator than to this one."""

    code = "announcements-differ"


class ResultsDiffer(RunEnded):
    """Another aggregator holds another result of a joint computation than this one."""

    code = "results-differ"


class RepeatSpent(RunEnded):
    """A joint computation failed, and the one repeat that a run allows has been used."""

    code = "repeat-spent"


class RecordsDiffer(RunEnded):
    """What a party has kept is not of the moment of its ledger, or of what it has sent: put back, or copied."""

    code = "records-differ"


class RunExpired(RunEnded):
    """The time for which the run's manifest is valid is over."""

    code = "run-expired"


class Unavailable(LpmError):
    """A party did not answer in time."""

    code = "unavailable"
    retry = True


class TooManyCalls(Unavailable):
    """A caller called more often than an operator allows."""

    code = "too-many-calls"


def _tree(cls: type[LpmError]) -> dict[str, type[LpmError]]:
    found = {cls.code: cls}
    for child in cls.__subclasses__():
        found |= _tree(child)
    return found


def error_of(code: str, message: str) -> LpmError:
    """Return the error that another party raised, from its code and message; an unknown code is a ProtocolError."""
    return _tree(LpmError).get(code, ProtocolError)(message)


def did_you_mean(got: str, known: Collection[str], *, quote: str = "") -> str:
    """Return the end of a message about an unknown name: the nearest known one, or nothing where none is near."""
    near = difflib.get_close_matches(got, list(known), n=1)
    return f"; did you mean {quote}{near[0]}{quote}?" if near else ""
