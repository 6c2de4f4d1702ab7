"""What an aggregator told each party, by round: lines beside its ledger, which has one root for all of a round's.

The ledger is handed in whole. Of these lines whoever wrote them shows which parties' an audit asks for.
"""

import shutil
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Final, final

import msgspec

from protocols.arithmetic.counters import RoundNumber
from protocols.errors import ParameterError
from protocols.releases import merkle
from protocols.releases.ledger import DeliveryRecord, DeliveryRoot, Digest, read_content

LEDGER: Final = "ledger-"
DELIVERIES: Final = "deliveries-"


@final
class DeliveryProof(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What some parties were told in a round, all of them in the aggregator's own file.

    Attributes:
        parties: that were told anything in it.
        told: by place among these.
        path: the hashes that make the round's root of `told`; see `merkle`.
    """

    number: RoundNumber
    parties: int
    told: dict[int, DeliveryRecord]
    path: tuple[Digest, ...] = ()

    @property
    def root(self) -> bytes:
        """Return the root that its ledger must have of this round.

        Raises:
            ParameterError: it shows nobody, or its path does not fit its places.
        """
        return merkle.root(self.parties, {place: _leaf(each) for place, each in self.told.items()}, self.path)

    def only(self, parties: Collection[str]) -> "DeliveryProof":
        """Return what it shows of these parties, with the path that leads from there to the root."""
        places = [place for place, each in self.told.items() if each.party in parties]
        path = merkle.path([_leaf(each) for each in self.told.values()], places)
        return DeliveryProof(self.number, self.parties, {place: self.told[place] for place in places}, path)


def proof_of(number: RoundNumber, told: Sequence[DeliveryRecord]) -> DeliveryProof:
    """Return what all parties were told in a round."""
    return DeliveryProof(number, len(told), dict(enumerate(told)))


def root_of(told: Sequence[DeliveryRecord]) -> DeliveryRoot:
    """Return what a ledger's line says of all that parties were told in a round."""
    root = merkle.root(len(told), {place: _leaf(each) for place, each in enumerate(told)})
    return DeliveryRoot(len(told), sum(each.size for each in told), root)


def encode_line(proof: DeliveryProof) -> bytes:
    """Return one line with its end."""
    return msgspec.json.encode(proof) + b"\n"


def _leaf(told: DeliveryRecord) -> bytes:
    return merkle.leaf(msgspec.json.encode(told, order="deterministic"))


def path_beside(ledger: Path) -> Path:
    """Return where the lines lie that belong to a ledger."""
    return ledger.with_name(DELIVERIES + ledger.name.removeprefix(LEDGER))


def load(path: Path) -> dict[int, DeliveryProof]:
    """Read such lines by round; of a round that was written again, as after a crash, the last one counts.

    Raises:
        ParameterError: the file cannot be read, is too long, or has another line than these.
    """
    content = read_content(path, "deliveries")
    whole = content[: content.rfind(b"\n") + 1]  # a crash may have cut the last line off
    try:
        proofs = [msgspec.json.decode(line, type=DeliveryProof) for line in whole.splitlines()]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ParameterError(f"{path} has a line that is none of deliveries: {error}") from None
    return {each.number: each for each in proofs}


def write_only(folders: Mapping[Path, Path], parties: Collection[str]) -> list[Path]:
    """Write copies of ledgers, and of what their lines show of some parties, to new folders to be handed in.

    Args:
        folders: by ledger; of one that tells none of the parties anything none is made, and after an error none is.

    Raises:
        ParameterError: a folder is there, a file cannot be read or written, or no round of any shows such a party.
    """
    shown = {ledger: _shown(ledger, parties) for ledger in folders}
    missing = set(parties) - {told.party for proofs in shown.values() for each in proofs for told in each.told.values()}
    if missing:
        names = ", ".join(each.name for each in folders)
        raise ParameterError(f"{names} tells of nothing that {', '.join(sorted(missing))} was told; see its members")
    made: list[Path] = []
    for ledger, proofs in shown.items():
        if not proofs:
            continue
        folder = folders[ledger]
        try:
            folder.mkdir(mode=0o700)
            made.append(folder)
            (folder / ledger.name).write_bytes(ledger.read_bytes())
            path_beside(folder / ledger.name).write_bytes(b"".join(encode_line(each) for each in proofs))
        except OSError as error:
            for each in made:
                shutil.rmtree(each, ignore_errors=True)
            raise ParameterError(f"cannot write {folder}: {error.strerror}; name a new folder") from error
    return made


def _shown(ledger: Path, parties: Collection[str]) -> list[DeliveryProof]:
    """Return what the lines beside a ledger show of some parties, without the rounds that told them nothing."""
    proofs = (each.only(parties) for each in load(path_beside(ledger)).values())
    return [each for each in proofs if each.told]
