"""The audit of an active run's build tells every lie that one message allows, and catches who does not notice."""

import asyncio

import numpy as np
import pytest

import lpm_secure as lpm
from client_sdk.masking import masking_client
from client_sdk.masking.masking_client import Reading
from lpm_secure.audit import build
from lpm_secure.audit.attacks import check
from lpm_secure.audit.attacks.check import AttackAudit
from lpm_secure.audit.attacks.mutants import TakesAnyBit, TrustsFirst
from lpm_secure.models.tracer import trace
from lpm_secure.secure_sum.parties import manifest_for
from protocols.errors import PartiesDisagree, WouldWrap
from protocols.masking.messages import ClientReply, CountShare, LevelShare
from protocols.models.graph.agents import GraphModel
from tests.conformance.parity.conftest import ALL

DECIDE = 2  # the first decision
FEW = 31  # of the lies about a run, one in so many is of the default suite


class Loud(lpm.Model):
    """A bit says whether an agent hears more than it bears; as often as not it does."""

    mood = lpm.stage("LOW", "HIGH")
    limit = lpm.field(0, 99)
    talk = lpm.message(most=1)
    much = lpm.outcome(talk, above=limit, keep=False)

    def begin(self, me, draw):
        mood = lpm.where(draw.happens(2**31, "mood"), "HIGH", "LOW")
        return me.set(mood=mood, limit=draw.uniform(0, 99, "limit"))

    def says(self, me):
        return {self.talk: me.mood == "HIGH"}

    def update(self, me, heard, draw):
        return me.set(mood=lpm.where(heard[self.much], "LOW", "HIGH"))


@pytest.fixture
def audit_of(manifest_of):
    """Return a function that makes the audit of an active run of a model of these tests."""

    def make(kind, **changes):
        traced = trace(kind)
        model = GraphModel(traced.graph, traced.parameters)
        fixed = {"model": model, "model_hash": model.digest, "channels": model.contact_channels, "mode": "outcome"}
        given = fixed | {"max_message": 4, "security": "active"} | changes
        return AttackAudit(manifest_of(((1, 2), (3, 4)), **given))

    return make


def judge(audit, step=1):
    return [line for lie in audit.lies[::step] for line in audit.judge(lie)]


def test_some_lies_end_a_run_alike_and_bad_parties_are_caught(audit_of):
    audit = audit_of(ALL["library-seirs"], min_count=2)
    assert {LevelShare, CountShare, ClientReply} <= {lie.kind for lie in audit.lies}
    assert len(audit.lies) == len({lie.name for lie in audit.lies}) > 100
    assert judge(audit, FEW) == []
    assert audit.find(TrustsFirst)
    assert audit.find(TakesAnyBit)


def test_some_lies_end_a_run_in_sum_mode_alike_and_bad_parties_are_caught(audit_of):
    audit = audit_of(Loud, mode="sum")
    assert {each.number for each in audit.lies if each.part == "answers"} == {0}
    assert judge(audit, FEW) == []
    assert audit.find(TrustsFirst)


def test_a_build_whose_clients_take_any_bit_is_found(audit_of, monkeypatch):
    audit = audit_of(Loud)
    lie = next(each for each in audit.lies if each.part == "answers" and each.how == "with its first bit turned")

    async def cell():  # as of a notebook, where a loop runs already
        return audit.judge(lie)

    assert asyncio.run(cell()) == []
    monkeypatch.setattr(masking_client, "_bits", lambda told, other, expected: (told != other).astype(np.int64))
    assert "was told something else" in audit.judge(lie)[0]


def test_a_build_whose_clients_stop_at_a_lie_about_a_1_alone_is_found(audit_of, monkeypatch):
    """Its end would tell the bit, as that of the first release did."""
    audit = audit_of(Loud)
    seeds = {bit_of(audit, seed): seed for seed in range(1, 12)}
    monkeypatch.setattr(check, "WORLDS", (seeds[0], seeds[1]))
    lie = next(each for each in audit.lies if each.part == "answers" and each.how == "with its first bit turned")

    def bits(told, other, expected):
        labels, low = told ^ other, np.uint64(1)
        if np.any((labels != expected) & ((labels ^ expected) == low)):
            raise PartiesDisagree("an answer is neither of the two that there are; the run stops here")
        return (labels == expected).astype(np.int64)

    monkeypatch.setattr(masking_client, "_bits", bits)
    assert "somebody goes on, in one world" in audit.judge(lie)[0]


def bit_of(audit, seed):
    """Return the first agent's bit in the first decision of a world."""
    told = audit.play(seed, check.Wire(None, None)).told[DECIDE]
    return Reading.decode(told, outcomes=1).outcomes[0, 0]


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(ALL))
def test_all_lies_about_a_run_of_any_model_end_it_alike(name, audit_of):
    try:
        audit = audit_of(ALL[name])
    except WouldWrap:
        pytest.skip("the masked backend refuses such a run")
    assert judge(audit) == []


def test_a_build_of_sums_passes_all_tests():
    """Every fifth lie; all of them where tests are long."""
    manifest = manifest_for(("a", "b"), (3, 2), ["x:1", "y:1"], rounds=2, min_cohort=2, dealer="z:1")
    given = build.tests(manifest, runs=1)
    assert {heading for heading, _, _ in given} == {build.LIES, build.BROKEN_PARTIES}
    assert [line for _, _, test in [*given[:-1:5], given[-1]] for line in test()] == []
