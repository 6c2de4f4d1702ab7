"""The dealer's store and an honest aggregator's are put back at once, and the other lies: nothing is told twice."""

import asyncio
import time
from collections import defaultdict
from contextlib import suppress

import msgspec
import pytest

from aggregator.masking.round_state import RoundCheckpoint
from protocols.errors import LpmError
from protocols.masking.journal import MemoryJournal
from protocols.masking.messages import ProofQuestion, ReleaseQuestion, WordsNotice
from tests.conformance.masking.test_server_restarts import SOON, TIMES, content_of, ended, play
from tests.masked_lies import few
from tests.masked_restarts import SERVERS, copy_of

ONE, TWO, DEALER = SERVERS
SPEAK, DECIDE = 1, 2


class PutBackTogether:
    """Both are put back to an earlier round, and the liar does that round once more with them, over whom it likes.

    Attributes:
        saved: the round that the stores are of.
        number: the round that the run has come to.
        dropped: the client whose words the liar keeps back, or nobody.
        later_s: how long clients take to call the honest aggregator once more.
        cut: whether the network keeps all clients from it, for good.
        league: the client that is in league with the liar, and does the round once more too.
    """

    def __init__(self, saved, number, *, dropped="", later_s=0.0, cut=False, league=""):
        self.saved, self.number, self.dropped, self.later_s, self.cut = saved, number, dropped, later_s, cut
        self.league = league
        self.copies, self.heard, self.is_done, self.calls = {}, defaultdict(list), False, []
        self.answers = set()  # of the dealer, since

    async def __call__(self, servers, caller, callee, request, go_on):
        content, parties = content_of(request), [*servers.run.aggregators, servers.run.dealer]
        if not self.is_done and isinstance(content, WordsNotice) and callee == TWO:
            self.heard[content.number].append((caller, request.envelope))
        if not self.copies and all(party.number == self.saved for party in parties[:2]):
            self.copies = {party.signer.name: copy_of(party.journal) for party in parties}
            self.ledgers = {name: servers.ledger_of(name) for name in (ONE, TWO)}
        if not self.is_done and isinstance(content, WordsNotice) and content.number == self.number and callee == ONE:
            self._put_back(servers)
        if self.is_done and caller not in SERVERS:
            await asyncio.sleep(self.later_s)
            while (callee == TWO or self.cut or caller == self.league) and not ended(servers)[0]:
                await asyncio.sleep(0.02)  # nobody answers, until the run is over for the honest ones
        reply = await go_on()
        if self.is_done and callee == DEALER and reply.envelope is not None and content.number >= self.saved:
            self.answers.add((type(content).__name__, content.number))
        return reply

    def _put_back(self, servers):
        self.is_done = True
        for name, ledger in self.ledgers.items():
            servers.put_back(name, ledger)
        for name in SERVERS:
            servers.restart(name, lambda _, name=name: self.copies[name])
        for number, heard in self.heard.items():
            for caller, envelope in heard:
                for name in (ONE, TWO) if caller == self.league else (TWO,):
                    if number >= self.saved and caller != self.dropped:
                        self.calls.append(asyncio.ensure_future(self._hand(servers, name, caller, envelope)))

    async def _hand(self, servers, name, caller, envelope):
        with suppress(LpmError):  # the run is over
            await servers.call(name, caller, envelope)


CASES = {
    "a step before": (SPEAK, SPEAK + 2, {}),
    "a round before": (SPEAK, SPEAK + 1, {"later_s": 0.1}),
    "a round before, over one client less": (SPEAK, SPEAK + 1, {"dropped": "client-0"}),
    "a round before, over one client less that is late": (SPEAK, SPEAK + 1, {"dropped": "client-0", "later_s": 1.2}),
    "a round before, over a client in league": (
        SPEAK,
        SPEAK + 1,
        {"dropped": "client-0", "later_s": 1.2, "league": "client-1"},
    ),
    "a round before, and nobody comes": (SPEAK, SPEAK + 1, {"cut": True}),
    "a decision before": (DECIDE, DECIDE + 1, {"later_s": 0.1}),
    "to before the run began": (0, SPEAK, {"later_s": 0.1}),
}
FEW = ("a round before, over a client in league", "a decision before")


@pytest.mark.parametrize("case", few(CASES, *FEW))
def test_no_round_is_done_again_where_the_stores_of_two_servers_are_put_back_and_the_third_lies(case, small, tmp_path):
    """The liar hands on what clients have said; they themselves are in the round that the run has come to."""
    endings, (saved, number, given) = [], CASES[case]
    for world in range(2):
        act = PutBackTogether(saved, number, **given)
        told, servers, _ = play(small(steps=3, **SOON), tmp_path / f"{world}", act, world=world)
        assert act.is_done
        assert not act.answers, "the dealer answered once more"
        assert all(ended(servers)), ended(servers)
        endings.append([each if isinstance(each, str) else "told" for told_to in told for each in told_to])
    assert endings[0] == endings[1]


class PutBackInARound:
    """Both are put back to the beginning of the round in hand, once the dealer has answered its last question."""

    def __init__(self, number, kind):
        self.number, self.kind, self.copies, self.is_done = number, kind, {}, False

    async def __call__(self, servers, caller, callee, request, go_on):
        content, parties = content_of(request), [*servers.run.aggregators, servers.run.dealer]
        if not self.copies and all(party.number == self.number for party in parties[:2]):
            self.copies = {party.signer.name: copy_of(party.journal) for party in parties}
        reply = await go_on()
        if not self.is_done and callee == DEALER and isinstance(content, self.kind) and content.number == self.number:
            self.is_done = True
            for name in SERVERS:
                servers.restart(name, lambda _, name=name: self.copies[name])
        return reply


@pytest.mark.parametrize(
    ("number", "kind"), [(SPEAK, ReleaseQuestion), pytest.param(DECIDE, ProofQuestion, marks=pytest.mark.slow)]
)
def test_a_round_that_nobody_was_told_of_is_answered_once_more_in_the_same_bytes(number, kind, small, tmp_path):
    """Nobody else can know of it; over the words of before, the dealer deals and draws what it did then."""
    act = PutBackInARound(number, kind)
    told, servers, said = play(small(steps=2, **TIMES), tmp_path / "run", act)
    assert act.is_done
    assert [len(each) for each in told] == [6, 6]
    assert {len(each) for name, each in said.items() if name[0] == DEALER} == {1}
    assert not any(ended(servers))


def test_a_client_that_is_ahead_of_an_aggregator_ends_the_run_for_all(small, tmp_path):
    """It was told that the round is over, by this aggregator too: this one has lost what it told."""
    act = PutBackTogether(SPEAK, SPEAK + 1)
    _, servers, _ = play(small(steps=3, **SOON), tmp_path / "run", act)
    assert "its store was put back" in servers.run.aggregators[0].ending


def test_nobody_is_told_of_a_round_before_a_restart_knows_of_it(small, tmp_path, monkeypatch):
    """Else a server that comes back has told what it knows no longer; here the disk is slow."""
    save, known = MemoryJournal.save_checkpoint, []

    def save_slowly(journal, content, **given):
        time.sleep(0.02)
        save(journal, content, **given)

    async def act(servers, caller, callee, request, go_on):
        reply, content = await go_on(), content_of(request)
        if isinstance(content, WordsNotice):
            party = servers.run.aggregators[(ONE, TWO).index(callee)]
            checkpoint = msgspec.msgpack.decode(party.journal.checkpoint, type=RoundCheckpoint)
            known.append(checkpoint.number > content.number)
        return reply

    monkeypatch.setattr(MemoryJournal, "save_checkpoint", save_slowly)
    play(small(**TIMES), tmp_path / "run", act)
    assert len(known) == 4 * 2 * 2
    assert all(known)
