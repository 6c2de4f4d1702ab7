"""Shares that travel as one message each, for networks that carry messages rather than calls."""

import numpy as np

from protocols.arithmetic.counters import RoundNumber, Step
from protocols.arithmetic.fixed_point import U64
from protocols.arithmetic.sharing.additive import start_of
from protocols.errors import ParameterError
from protocols.identity.certificates import Credentials, name_of
from protocols.identity.sealing_key import public_key
from protocols.sealing.handshake import begin
from protocols.sealing.messages import SealedRequest
from protocols.sealing.route import Route
from protocols.sealing.session import SealedSession
from protocols.task import manifest as manifests
from protocols.task.manifest import is_active
from protocols.task.secure_sum.spec import SecureSum
from protocols.task.signature import trust_of
from protocols.wire import codec
from protocols.wire.messages import Share
from protocols.wire.sealed_transport import pack


def seal_shares(vector: U64, manifest: SecureSum, credentials: Credentials, *, number: RoundNumber) -> dict[str, bytes]:
    """Split a vector, and seal each share to its aggregator under the key that the manifest pins.

    Args:
        vector: uint64[d].
        credentials: of the client; its TLS key signs.
        number: of the round that the shares are for; they open for no other one.

    Returns:
        for each aggregator, by name, the bytes of a sealed request with its opening.

    Security: masks and secrets are drawn from the system for these shares alone, so nothing has to be remembered. Who
        carries them learns their sizes. All but the last aggregator get a key of 32 bytes in place of their share.
    """
    if is_active(manifest):
        raise ParameterError(
            "the run's security is active: shares that travel as messages have no dealer; let transport be native"
        )
    run, name = manifests.run_id(manifest), name_of(credentials.certificate)
    keys, sharing = trust_of(manifest).keys, manifest.share()
    masks = sharing.keys()
    words = [np.frombuffer(mask, dtype=np.uint64) for mask in masks]
    words.append(sharing.split(vector, masks, round_number=number))
    start, found = start_of(masks), {}
    for party, share in zip(manifest.aggregators, words, strict=True):
        route, sealing = Route(run, name, party.name), keys[party.name].sealing
        if sealing is None:
            raise ParameterError(f"the manifest pins no sealing key of {party.name}")
        secret, opening = begin(route, public_key(sealing), credentials)
        message = pack(Share(run, Step(number), share, start=start))
        body = SealedSession.of(route, secret).seal_request(message, counter=number)
        found[party.name] = codec.encode(SealedRequest(run, party.name, name, opening, number, body))
    return found
