"""What is fuzzed: every decoder and the servicer. A target takes bytes and raises only where there is a bug.

Each refuses bytes with an error of ours, or takes them for exactly what its encoder writes.
"""

import contextlib
import tempfile
from pathlib import Path

import numpy as np

from client_sdk.config import ClientConfig
from client_sdk.consent import Consent
from client_sdk.private.files import read_private_state
from lpm_secure.config.model import TableIntegers, graph_of
from lpm_secure.config.simulation import Config
from lpm_secure.models.library.seirs import Seirs
from lpm_secure.models.tracer import trace
from lpm_secure.project.project_file import ProjectFile
from protocols import canonical_json
from protocols.errors import LpmError
from protocols.identity import certificates, enrolment
from protocols.identity.sealing_key import SealingKey
from protocols.identity.server_request import ServerRequest
from protocols.identity.trust import Trust
from protocols.kit.kit import KitFile
from protocols.models.agent_model import AgentSource
from protocols.models.graph.agents import GraphModel
from protocols.sealing.handshake import accept
from protocols.sealing.messages import Handshake
from protocols.sealing.route import Route
from protocols.sealing.session import SealedSession
from protocols.task import manifest as manifests
from protocols.task import policy, signature
from protocols.task.layout import Layout
from protocols.task.manifest import SimulationManifest
from protocols.task.parties import AggregatorParty, ClientParty, InstitutionParty
from protocols.task.secure_sum.spec import SecureSum
from protocols.toml_file import load_config
from protocols.wire import codec
from protocols.wire.messages import StreamedAnswer, StreamedCall
from protocols.wire.methods import METHODS
from protocols.wire.sealed_transport import pack, unpack

MESSAGES = [*(kind for pair in METHODS.values() for kind in pair), StreamedCall, StreamedAnswer]
FILES = [
    signature.ManifestSignature,
    enrolment.Invitation,
    enrolment.Request,
    enrolment.EnrolmentReply,
    Consent,
    ServerRequest,
    Trust,
]
SETTINGS = [ClientConfig, Config, KitFile, ProjectFile, policy.Policy]
KEY, ROUTE = SealingKey.generate(), Route(bytes(32), "client-0", "aggregator-0")
AUTHORITY = certificates.new_authority("fuzz")
SESSION = SealedSession.of(ROUTE, bytes(32))
FOLDER = Path(tempfile.mkdtemp(prefix="lpm-fuzz-"))


def manifest_of(**changes):
    """Return a small manifest."""
    law = (2**32,)
    model = graph_of(TableIntegers((2**30,), cell_beta=2**30, latent=law, infectious=law, initial=2**28, f=40))
    given = {
        "name": "fuzz",
        "model": model,
        "model_hash": model.digest,
        "steps": 4,
        "channels": ("near",),
        "max_message": 10,
        "mode": "sum",
        "cells": (5, 5),
        "engine": True,
        "aggregators": tuple(AggregatorParty(f"aggregator-{a}", f"localhost:{a + 1}") for a in range(2)),
        "clients": (ClientParty("client-0", (1, 2)), ClientParty("client-1", (3,))),
        "min_cohort": 1,
        "testbed_seed": 1,
    }
    return SimulationManifest(**given | changes)


def sum_of(**changes):
    """Return a small manifest of a secure sum."""
    given = {
        "name": "fuzz",
        "aggregators": tuple(AggregatorParty(f"aggregator-{a}", f"localhost:{a + 1}") for a in range(2)),
        "clients": (InstitutionParty("client-0"), InstitutionParty("client-1")),
        "min_cohort": 2,
        "shape": (2, 3),
        "norm": 10.0,
        "rounds": 4,
    }
    return SecureSum(**given | changes)


def graph_manifest():
    """Return a small manifest of a model's graph, with every part that a graph has."""
    traced = trace(Seirs)
    model = GraphModel(traced.graph, dict(traced.parameters))
    return manifest_of(model=model, model_hash=model.digest, channels=model.contact_channels)


MANIFEST = manifest_of()


def refused(act, *arguments, **named):
    """Return whether a call was refused with an error of ours; any other error is a finding."""
    try:
        act(*arguments, **named)
    except LpmError:
        return True
    return False


def wire(data):
    """Messages of the wire: the first byte names the kind."""
    if not data:
        return
    kind, content = MESSAGES[data[0] % len(MESSAGES)], data[1:]
    try:
        message = codec.decode(kind, content)
    except LpmError:
        return
    assert codec.encode(message) == content


def inner(data):
    """What stands inside a sealed call."""
    try:
        message = unpack(data)
    except LpmError:
        return
    assert pack(message) == data


def manifest(data):
    """Manifests."""
    try:
        given = manifests.decode(data)
    except LpmError:
        return
    assert manifests.encode(given) == data
    assert manifests.decode(manifests.encode(given)) == given
    if isinstance(given, SecureSum):
        assert Layout.of(given).d == given.length
        return
    model = given.model.agents
    agents = AgentSource(np.arange(2, dtype=np.uint64), (1, 2))
    try:
        columns = {spec.name: np.full(2, int(spec.low)) for spec in model.columns if spec.default is None}
        state = model.initial_state(agents, columns)
    except LpmError:
        return
    assert model.messages(state).shape == (2, len(model.most) + len(model.cell_most))


def files(data):
    """Signatures, invitations, requests, answers, consents, public files: the first byte names the kind."""
    if not data:
        return
    kind, content = FILES[data[0] % len(FILES)], data[1:]
    try:
        given = canonical_json.decode(content, kind, what="file")
    except LpmError:
        return
    assert canonical_json.encode(given) == content
    for check in ("check", "require_valid"):
        if hasattr(given, check) and kind is not Trust:
            refused(getattr(given, check), **({"operator_key": bytes(32)} if kind is enrolment.Request else {}))


def request(data):
    """Requests for certificates (PEM)."""
    refused(certificates.key_of_request, data, name="client-0")


def sealed(data):
    """Openings and sealed bodies, from anybody."""
    third = len(data) // 3
    opening = Handshake(data[:third], data[third : 2 * third], data[2 * third :])
    assert refused(accept, ROUTE, opening, key=KEY, authorities=[AUTHORITY.certificate])
    assert refused(SESSION.open_request, data, counter=1)
    assert refused(SESSION.open_reply, data, counter=1)


def settings(data):
    """Configuration and policy files (TOML): the first byte names the kind."""
    if not data:
        return
    path = FOLDER / "settings.toml"
    path.write_bytes(data[1:])
    kind = SETTINGS[data[0] % len(SETTINGS)]
    if kind is policy.Policy:
        refused(policy.load_policy, path)
    else:
        refused(load_config, path, kind)


def tables(data):
    """A client's own CSV files: people and contacts, apart by the first zero byte."""
    people, _, contacts = data.partition(b"\x00")
    for name, content in (("people.csv", people), ("contacts.csv", contacts)):
        (FOLDER / name).write_bytes(content)
    refused(read_private_state, MANIFEST, "client-0", people=FOLDER / "people.csv", contacts=FOLDER / "contacts.csv")


def frames(data):
    """The fixed forms of the secure comparison, at the lengths that their reader takes."""
    from aggregator.mpc.net import frames as mpc

    stamp = mpc.Stamp(bytes(32), 1, 2, 3, 4, 5)
    hello = data[: mpc.HELLO_BYTES].ljust(mpc.HELLO_BYTES, b"\x00")
    with contextlib.suppress(LpmError):
        assert mpc.Hello.decode(hello).encode() == hello
    refused(stamp.require, data[: mpc.STAMP_BYTES].ljust(mpc.STAMP_BYTES, b"\x00"), "a party")
    refused(mpc.decode_request, data[: mpc.REQUEST_BYTES].ljust(mpc.REQUEST_BYTES, b"\x00"))
    refused(mpc.require_answer, data[: mpc.ANSWER_BYTES].ljust(mpc.ANSWER_BYTES, b"\x00"), 1, 2)


def servicer(data):
    """An aggregator behind its gateway and guard, called by anybody with anything; see `calls.py`."""
    from calls import call

    call(data)


TARGETS = {
    each.__name__: each for each in (wire, inner, manifest, files, request, sealed, settings, tables, frames)
} | {"servicer": servicer}
