"""What a node runs: a hospital answers draws with sealed shares, and an aggregator adds shares up."""

import logging

import numpy as np
from cryptography import x509
from flwr.app import Array, ArrayRecord, ConfigRecord, Context, Message
from flwr.clientapp import ClientApp
from flwr.clientapp.typing import ClientAppCallable
from flwr.supercore import log

from aggregator.release.noise import ReleaseNoise
from aggregator.release.stateless_sum import SummedOnce
from aggregator.store import Store
from client_sdk.hospital_config import read_hospital
from client_sdk.secure_sum.client import calibration_of, is_fit
from client_sdk.secure_sum.contribution import Contribution
from client_sdk.secure_sum.journal import VectorJournal
from client_sdk.secure_sum.sealed_message import seal_shares
from lpm_secure.flower import records
from lpm_secure.flower.party import Party
from protocols.errors import ParameterError, ProtocolError, RoundClosed, Unavailable, WireError
from protocols.identity.server_keys import server_keys
from protocols.task import manifest as manifests
from protocols.task.secure_sum.spec import answers
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
    party, about = Party.of(context), records.about(message)
    vector = records.vector_of(reply, records.GRADIENT, "int64").astype(np.int64)
    manifest = party.manifest(about)
    shares = seal_shares(vector.view(np.uint64), manifest, party.credentials, number=records.round_of(about))
    told = ConfigRecord({"name": party.name, "step": records.round_of(about)})
    return Message(records.content_of(sealed=records.of_bytes(shares), about=told), reply_to=message)


app = ClientApp(mods=[discreet])


@app.train(mods=[seal_gradient])
def answer(message: Message, context: Context) -> Message:
    """Answer published draws with a hospital's gradient, once for each step; the mod makes shares of it."""
    party, about = Party.of(context), records.about(message)
    if not party.is_hospital:
        raise ParameterError(f"{party.name} is an aggregator, and has no gradient")
    manifest, step = party.manifest(about), records.round_of(about)
    calibration = calibration_of(manifest)
    draws = records.vector_of(message, records.DRAWS, "float64").astype(np.float64)
    if draws.shape != calibration.shape or not is_fit(draws):
        raise WireError("the draws are none that the manifest's model could have made")
    kept, hospital = VectorJournal.start(party.folder, manifest), read_hospital(party.hospital, party.folder)
    if kept.answered >= step or step > manifest.steps or not answers(step):
        raise RoundClosed(f"step {step} was answered, is past the run's end, or is one in which draws are published")
    if kept.state is not None:
        hospital.go_on(kept.state)
    gradient, _ = hospital.answer(draws)
    kept.about_to_answer(step, hospital.state)
    vector = Contribution(calibration.clip, calibration.bits).encode(gradient)
    return Message(records.content_of(gradient=ArrayRecord({records.GRADIENT: Array(vector)})), reply_to=message)


@app.query("who")
def who(message: Message, context: Context) -> Message:
    """Tell a node's name and role, which are public."""
    party = Party.of(context)
    told = ConfigRecord({"name": party.name, "hospital": party.is_hospital})
    return Message(records.content_of(about=told), reply_to=message)


@app.query("add_up")
def add_up(message: Message, context: Context) -> Message:
    """Open what hospitals sealed to this aggregator, and tell its share of their sum; see `SummedOnce`."""
    party, about = Party.of(context), records.about(message)
    if party.is_hospital:
        raise ParameterError(f"{party.name} is a hospital, and adds nothing up")
    manifest, step, given = party.manifest(about), records.round_of(about), party.aggregator
    keys = server_keys(party.folder / given.credentials, trust_of(manifest).keys, given.name)
    if keys.sealing is None:
        raise ParameterError(f"{given.name} has no sealing key; make one with lpm keys")
    run, index = manifests.run_id(manifest), [each.name for each in manifest.aggregators].index(given.name)
    noise = ReleaseNoise.load(manifest, run, index, Store(given.store, party.folder))
    summing = SummedOnce(
        manifest=manifest,
        name=given.name,
        key=keys.sealing,
        authorities=x509.load_pem_x509_certificates(party.credentials.authority),
        noise_key=noise.key,
        folder=party.folder,
    )
    record = message.content.array_records.get(records.SEALED)
    added = summing.add_up(step, records.to_bytes(record if record is not None else ArrayRecord()))
    told = ConfigRecord({"name": given.name, "step": step, "refused": list(added.refused)})
    total = ArrayRecord() if added.total is None else ArrayRecord({records.SUM: Array(added.total)})
    return Message(records.content_of(sum=total, about=told), reply_to=message)
