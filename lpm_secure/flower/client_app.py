"""What a node runs: an institution answers what is announced with sealed shares, and an aggregator adds shares up."""

import logging
from collections.abc import Callable, Mapping

import numpy as np
from cryptography import x509
from flwr.app import Array, ArrayRecord, ConfigRecord, Context, Message
from flwr.clientapp import ClientApp
from flwr.clientapp.typing import ClientAppCallable
from flwr.supercore import log

from aggregator.release.ledger import Ledger
from aggregator.release.peer_seal import PeerSeal
from aggregator.release.sealed_share import ShareOpener
from aggregator.release.stateless_sum import LOCK, Reply, StatelessSum
from aggregator.release.sum_noise import SumNoise
from aggregator.store import Store
from client_sdk.admission import lock
from client_sdk.institution_config import read_institution
from client_sdk.secure_sum.contribution import Contribution
from client_sdk.secure_sum.journal import SumJournal
from client_sdk.secure_sum.sealed_message import seal_shares
from lpm_secure.flower import records
from lpm_secure.flower.node import Node
from lpm_secure.flower.relay import reply_content
from protocols import folder_lock
from protocols.arithmetic.counters import RoundNumber
from protocols.errors import ParameterError, ProtocolError, RoundClosed, Unavailable, WireError
from protocols.identity.server_keys import server_keys
from protocols.releases.ledger import file_name
from protocols.task import manifest as manifests
from protocols.task.layout import Layout
from protocols.task.release_plan import ReleasePlan
from protocols.task.secure_sum.range import SumRule
from protocols.task.secure_sum.spec import SecureSum, answers
from protocols.task.signature import trust_of


def discreet(message: Message, context: Context, call_next: ClientAppCallable) -> Message:
    """A mod: let what went wrong on this node stay in its own log; refusals of the protocol are told.

    Security: Flower tells an error's text to whoever asked, and a text about a node's own files may quote them.
    """
    try:
        return call_next(message, context)
    except ProtocolError:
        raise
    except Exception as error:
        log(logging.ERROR, "this node could not answer", exc_info=error)
        raise Unavailable("this node could not answer; its own log says why") from None


def seal_gradient(message: Message, context: Context, call_next: ClientAppCallable) -> Message:
    """A mod: let the app answer with an int64 vector, and let nothing of it out but shares, each sealed.

    Security: the keys that shares are sealed to are those of the node's own manifest. Where anything goes wrong,
        Flower answers with an error, and no vector leaves.
    """
    reply = call_next(message, context)
    if reply.has_error():
        return reply
    node, about = Node.of(context), records.about(message)
    vector = records.vector_of(reply, records.VECTOR, "int64").astype(np.int64)
    manifest = node.manifest(about)
    node.consent()  # its tables were read, and nothing of them has left
    shares = seal_shares(vector.view(np.uint64), manifest, node.credentials, number=records.round_of(about))
    told = ConfigRecord({"name": node.name, "step": records.round_of(about)})
    return Message(records.content_of(sealed=records.of_bytes(shares), about=told), reply_to=message)


app = ClientApp(mods=[discreet])


@app.train(mods=[seal_gradient])
def answer(message: Message, context: Context) -> Message:
    """Answer what is announced with an institution's vector, once for each step; the mod makes shares of it."""
    node, about = Node.of(context), records.about(message)
    if not node.is_institution:
        raise ParameterError(f"{node.name} is an aggregator, and has no vector")
    manifest, number = node.manifest(about), records.round_of(about)
    announced = records.vector_of(message, records.ANNOUNCED, "float64").astype(np.float64)
    institution = read_institution(node.institution, node.folder)
    institution.require(manifest.shape)
    if announced.shape != manifest.shape or not institution.accepts(announced):
        raise WireError("the draws are none that the manifest's model could have made")
    with lock(node.folder, node.name, manifest):
        journal = SumJournal.start(node.folder, manifest)
        if journal.answered >= number or number > manifest.steps or not answers(number):
            raise RoundClosed(
                f"round {number} was answered, is past the run's end, or is one in which draws are published"
            )
        if journal.state is not None:
            institution.resume(journal.state)
        vector = Contribution(manifest.norm, manifest.bits).encode(institution.vector(announced))
        journal.about_to_answer(number, institution.state)
    return Message(records.content_of(vector=ArrayRecord({records.VECTOR: Array(vector)})), reply_to=message)


@app.query("who")
def who(message: Message, context: Context) -> Message:
    """Tell a node's name and role, which are public."""
    node = Node.of(context)
    about = ConfigRecord({"name": node.name, "institution": node.is_institution})
    return Message(records.content_of(about=about), reply_to=message)


@app.query("freeze")
def freeze(message: Message, context: Context) -> Message:
    """Open what institutions sealed to this aggregator, and decide on who is in; see `StatelessSum`."""
    return _aggregated(message, context, StatelessSum.freeze)


@app.query("advance")
def advance(message: Message, context: Context) -> Message:
    """Take in what the other aggregators sealed to this one, and go on with the round; see `StatelessSum`."""
    return _aggregated(message, context, StatelessSum.advance)


def _aggregated(
    message: Message, context: Context, stage: Callable[[StatelessSum, RoundNumber, Mapping[str, bytes]], Reply]
) -> Message:
    """Let this aggregator take a stage of a round, and answer; one call at a time."""
    node, about = Node.of(context), records.about(message)
    if node.is_institution:
        raise ParameterError(f"{node.name} is an institution, and adds nothing up")
    number = records.round_of(about)
    sealed = records.to_bytes(message.content.array_records.get(records.SEALED, ArrayRecord()))
    with folder_lock.hold(node.folder / LOCK, wait=True):
        reply = stage(_aggregator(node, node.manifest(about)), number, sealed)
    names = {
        records.MEMBERS: list(reply.members),
        records.LEFT_OUT: list(reply.left_out),
        records.UNOPENED: list(reply.unopened),
    }
    own = ConfigRecord({"name": node.name, "step": number, **names})
    return Message(reply_content(own, sealed=reply.sealed, total=reply.total), reply_to=message)


def _aggregator(node: Node, manifest: SecureSum) -> StatelessSum:
    """Return a node's aggregator, as its folder has it: keys, store and ledger."""
    given, credentials, folder = node.aggregator, node.credentials, node.folder
    pinned, run = trust_of(manifest).keys, manifests.run_id(manifest)
    keys = server_keys(folder / given.credentials, pinned, given.name)
    if keys.sealing is None:
        raise ParameterError(f"{given.name} has no sealing key; make one with lpm keys")
    authorities = x509.load_pem_x509_certificates(credentials.authority)
    ledger = Ledger(folder / file_name(run), run=run, name=given.name, key=keys.identity)
    names, store = [each.name for each in manifest.aggregators], Store(given.store, folder)
    expands = None if given.name == names[-1] else manifest.share()
    return StatelessSum(
        ShareOpener(run, Layout.of(manifest), given.name, expands, keys.sealing, authorities),
        PeerSeal(run, given.name, {name: pinned[name] for name in names}, keys.sealing, credentials, authorities),
        SumNoise.load(ReleasePlan.of(manifest), manifest.sigma, run=run, store=store),
        rule=SumRule.of(manifest),
        store=store,
        ledger=ledger,
    )
