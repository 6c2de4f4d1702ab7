"""What aggregators tell each other through a carrier opens for whom it is for, as its sender sealed it, or not."""

import dataclasses

import numpy as np
import pytest
from cryptography import x509

from aggregator.release.peer_seal import PeerSeal
from lpm_secure.secure_sum.parties import manifest_for
from lpm_secure.testbed.keys import pin_keys
from protocols.errors import LpmError, ManifestMismatch, NotEnrolled
from protocols.sealing.messages import SealedRequest
from protocols.task.manifest import run_id
from protocols.task.rounds import Phase
from protocols.wire import codec
from protocols.wire.messages import Members, TrialShare

NAMES = ("aggregator-0", "aggregator-1", "aggregator-2")
SHARE = TrialShare(3, 1, bytes(32), np.arange(4, dtype=np.uint64))


def seals_of(imposter=None):
    """Return each aggregator's; one of them may have another certificate of its name, of the run's authority."""
    manifest, keys = pin_keys(manifest_for(("a", "b"), (4,), [f"x:{a + 1}" for a in range(3)], rounds=2, min_cohort=2))
    own = {**keys.credentials, **({imposter: keys.authority.issue(imposter)} if imposter else {})}
    authority = x509.load_pem_x509_certificates(keys.credentials[NAMES[0]].authority)
    run, pinned = run_id(manifest), {name: manifest.trust.keys[name] for name in NAMES}
    return {name: PeerSeal(run, name, pinned, keys.servers[name].sealing, own[name], authority) for name in NAMES}


def test_what_one_sealed_opens_for_the_other_as_it_was():
    one, other, _ = seals_of().values()
    assert one.peers == NAMES[1:]
    opened = other.open(one.seal(SHARE, NAMES[1]), NAMES[0])
    assert (opened.step, opened.trial, opened.share.tolist()) == (3, 1, [0, 1, 2, 3])
    members = Members(3, ("a", "b"), Phase.SPEAK, bytes(32), starts=(bytes(16), bytes(range(16))))
    assert other.open(one.seal(members, NAMES[1]), NAMES[0]) == members


def test_it_opens_for_nobody_else_and_in_nobody_elses_name():
    one, other, third = seals_of().values()
    content = one.seal(SHARE, NAMES[1])
    for seal, peer in ((third, NAMES[0]), (other, NAMES[2]), (other, "engine"), (one, NAMES[0])):
        with pytest.raises(ManifestMismatch):
            seal.open(content, peer)
    forged = dataclasses.replace(codec.decode(SealedRequest, content), client=NAMES[2])
    with pytest.raises(LpmError):
        other.open(codec.encode(forged), NAMES[2])


def test_another_certificate_of_its_name_and_of_the_runs_authority_makes_no_aggregator():
    one, other, _ = seals_of(NAMES[0]).values()
    with pytest.raises(NotEnrolled, match="pins"):
        other.open(one.seal(SHARE, NAMES[1]), NAMES[0])


def test_it_opens_in_no_other_run():
    (one, *_), (_, other, _) = seals_of().values(), seals_of().values()
    with pytest.raises(ManifestMismatch):
        other.open(one.seal(SHARE, NAMES[1]), NAMES[0])


def test_any_byte_that_was_changed_is_noticed():
    one, other, _ = seals_of().values()
    content = one.seal(SHARE, NAMES[1])
    for place in range(0, len(content), 97):
        changed = bytearray(content)
        changed[place] ^= 1
        with pytest.raises(LpmError):
            other.open(bytes(changed), NAMES[0])
