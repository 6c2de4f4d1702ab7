"""An aggregator stops a run as soon as it has a release: the other one has no line of it, and an audit counts it."""

import asyncio
from pathlib import Path
from types import SimpleNamespace

import pytest

from aggregator.masking.round_state import RoundStage
from aggregator.release.ledger import Ledger
from lpm_secure.audit import audit, rules
from lpm_secure.audit.privacy_cost import joint
from lpm_secure.testbed.masked_parties import start_parties
from lpm_secure.testbed.masked_run import MaskedRun
from protocols.errors import LpmError
from protocols.identity import signing
from protocols.masking.messages import Stop
from protocols.masking.words import to_integers
from protocols.releases import ledger as ledgers
from protocols.releases.query import Release, Releases
from protocols.wire.messages import MaskedCall
from protocols.wire.transport import Transport
from tests.masked_runs import Secrets

ONE, TWO = "aggregator-0", "aggregator-1"
CELLS = Release(name="cells", mechanism="discrete-gaussian", sigma=2.0, epsilon=9.0, unit="contribution", times=9)


class Hasty(Transport):
    """The ways to the dealer: the second aggregator's answer comes first, and it stops the run at once."""

    def __init__(self, caller, inner, parties):
        self._caller, self._inner, self._parties = caller, inner, parties

    async def call(self, request, *, timeout_s):
        reply = await self._inner.call(request, timeout_s=timeout_s)
        if b"ReleaseQuestion" not in request.envelope.content:
            return reply
        if self._caller == ONE:
            await asyncio.sleep(0.3)
            return reply
        run = self._parties["started"].run
        run.aggregators[1]._round.stage = RoundStage.ACCEPTED  # it waits for nobody's verdict
        run.aggregators[1].release(reply.envelope)
        self._parties["read"] = to_integers(run.aggregators[1]._round.release).tolist()
        stop = MaskedCall(run.plan.run, run.signers[TWO].send(Stop(run=run.plan.run, number=0, reason="it has it")))
        await self._parties["started"].rounds[0].answer(TWO, stop)
        return reply


@pytest.fixture
def stopped(small, tmp_path):
    """Return the manifest, what the hasty aggregator has read, and the other one's ledger."""
    releases = Releases(each=(CELLS, Release(name="tally")), rho=1e6)
    run = MaskedRun.draw(small(cells=(5,), security="active", releases=releases, round_timeout_s=5.0))
    plan, key, found = run.plan, signing.new_key(), {}
    books = [Ledger(tmp_path / name, run=plan.run, name=name, key=key) for name in plan.aggregators]

    async def client(parties, name):
        exchange, secrets = parties.exchange(name), Secrets()
        await exchange.join()
        for number in range(2):
            step, phase = plan.manifest.schedule.step(number), plan.manifest.schedule.phase(number)
            await exchange.round(secrets.words(run, number)[name], step=step, phase=phase)

    def around(caller, callee, inner):
        return Hasty(caller, inner, found) if callee == plan.dealer.name else inner

    async def everybody():
        with start_parties(run, around=around) as parties:
            found["started"] = parties
            for server, book in zip(parties.rounds, books, strict=True):
                server._ledger = book
            ended = await asyncio.gather(*(client(parties, name) for name in plan.names), return_exceptions=True)
            assert all(isinstance(each, LpmError) for each in ended)

    asyncio.run(everybody())
    return plan.manifest, found["read"], ledgers.load(tmp_path / ONE, signing.public_of(key))


def test_a_release_that_no_line_tells_of_is_counted(stopped):
    manifest, read, events = stopped
    assert read[1:] == [4, 0, 0, 0]  # the exact tally
    written = rules.rounds(events)
    assert [(each.number, each.releases) for each in written] == [(0, ())]
    unwritten = rules.unwritten(manifest, written)
    assert [each.number for each in unwritten] == [1]
    assert joint([*written, *unwritten]).rho == pytest.approx(1 / (2 * CELLS.sigma**2))
    assert joint([*written, *unwritten]).exact == ("tally",)


def test_an_audit_holds_it_against_what_was_promised_and_reports_it(stopped, monkeypatch):
    manifest, _, events = stopped
    trust = SimpleNamespace(keys={name: SimpleNamespace(identity=b"") for name in (ONE, TWO)})
    monkeypatch.setattr(audit.signatures, "trust_of", lambda manifest: trust)
    monkeypatch.setattr(audit.ledger, "load", lambda path, key: events)
    report = audit.Report("", {})
    together = audit._ledgers(Path(), manifest, report)
    rows = {row["release"]: row for row in report.privacy}
    assert set(rows) == {"cells", "tally"}
    assert rows["cells"]["epsilon"] == pytest.approx(together.epsilon, rel=1e-3)
    assert together.epsilon > 0


def test_a_round_that_releases_nothing_or_a_run_that_has_ended_leaves_none(small):
    manifest = small(security="active")
    numbers = range(manifest.schedule.rounds)
    written = [SimpleNamespace(number=number) for number in numbers]
    lengths = [len(rules.unwritten(manifest, written[:played])) for played in (*numbers, len(numbers))]
    assert lengths == [0, 1, 0, 1, 0]
    assert rules.unwritten(manifest, written[1:2]) == []  # whatever stands before the last line
    assert rules.unwritten(small(), written[:1]) == []
