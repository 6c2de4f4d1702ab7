"""Comparisons by a tree: the same bits as by keys, and a lie about what is opened ends the run alike in all worlds.

All other suites of this folder take trees too, where tests are long.
"""

import msgspec
import pytest

from lpm_secure.testbed.masked_run import MaskedRun
from protocols.errors import (
    ConflictingReplay,
    ParameterError,
    ResultsDiffer,
    RoundAhead,
    RunEnded,
    Unavailable,
    WireError,
)
from protocols.masking.messages import BitAnswer, OpeningQuestion, OpeningShare, ReleaseAnswer
from protocols.masking.plan import check_security
from tests.comparison_lies import TREE_LIES, replay
from tests.conformance.masking.test_attacks import count
from tests.conformance.masking.test_server_restarts import TIMES, ended, honest, play
from tests.masked_lies import DECIDE, Liar, few
from tests.masked_restarts import AFTER, BEFORE, SERVERS, Ends, copy_of, renew_server
from tests.masked_runs import Recorder, Secrets

DEFAULT = (
    "the first bit is turned in message 1",
    "a masked bit is turned at agent 0",
    "the last element of the proof is changed",
    "a bit that is turned in message 0 is proved",
    "turned masked bits are proved",
    "the next number is compared",
    "the dealer is asked for its own proof with other challenges",
    "the masked bit is turned for a client",
)


BY_A_TREE = {"aggregator-0": 79, "aggregator-1": 79, "dealer": 26}  # messages to it and from it, in two steps
OF_A_TREE = {("dealer", 10)}  # asked of the openings of the first decision

__all__ = ["honest"]  # a fixture


@pytest.fixture
def compared():
    """Return what a manifest says."""
    return {"comparison": "tree"}


@pytest.mark.parametrize(("tau", "bit"), [(2, 1), (3, 0)])
def test_a_bit_stands_where_the_level_is_above_the_threshold(start, tau, bit):
    run, secrets = start({"steps": 2}), Secrets(tau=(tau, 3), said=3)
    _, spoken, decided, _, later, _ = (run.play(secrets.words(run)) for _ in range(6))
    assert decided["client-0"].outcomes.tolist() == [[bit], [0]]
    assert decided["client-1"].outcomes.tolist() == [[0], [0]]
    assert later["client-0"].outcomes.tolist() == [[1], [1]]
    assert spoken["client-0"].release.tolist() == [4, 0, 0, 0]
    assert run.dealer._trees is None  # nobody asks about it any more


def test_the_lies_are_as_many_as_the_page_on_active_security_says():
    assert len(TREE_LIES) == 34


@pytest.mark.parametrize("lie", few(TREE_LIES, *DEFAULT))
def test_a_lie_about_an_opening_ends_the_run_alike_in_all_worlds(lie, start):
    counts = count(start, TREE_LIES[lie], trials=1)
    assert counts[0] == counts[1] == counts[2]
    assert "goes on" not in counts[0]


@pytest.mark.slow
@pytest.mark.parametrize("lie", TREE_LIES)
def test_many_times_over_a_lie_about_an_opening_ends_the_run_alike(lie, start):
    counts = count(start, TREE_LIES[lie], trials=20)
    assert counts[0] == counts[1] == counts[2]
    assert "goes on" not in counts[0]


def test_what_was_opened_in_an_earlier_step_is_no_opening_of_this_one(start):
    liar = Liar(replay)
    run = liar.run = start({"steps": 2}, between=liar)
    secrets = Secrets()
    for _ in range(4):
        run.play(secrets.words(run))
    with pytest.raises(ResultsDiffer, match="opened bits that were not dealt"):
        run.play(secrets.words(run))
    assert liar.lies == run.plan.manifest.steps


def test_a_client_is_told_nothing_before_the_proof_holds(start):
    heard = Recorder("client-0")
    lie = Liar(TREE_LIES["turned masked bits are proved"])

    def between(sender, receiver, message):
        return heard(sender, receiver, lie(sender, receiver, message))

    run = start(between=between)
    lie.run, secrets = run, Secrets()
    run.play(secrets.words(run))
    run.play(secrets.words(run))
    told = len(heard.messages)
    with pytest.raises(ResultsDiffer):
        run.play(secrets.words(run))
    assert len(heard.messages) == told


@pytest.mark.parametrize("lie", ["a bit that is turned in message 0 is proved", "turned masked bits are proved"])
def test_what_masks_the_bits_is_told_to_nobody_before_both_have_checked(lie, start):
    """A client in league knows its own mask: under it a liar would see what came of an opening that it turned."""
    heard = Recorder("aggregator-0", "aggregator-1", "dealer")
    liar = Liar(TREE_LIES[lie])
    run = liar.run = start(between=lambda *sent: heard(*sent[:2], liar(*sent)))
    secrets = Secrets()
    for _ in range(2):
        run.play(secrets.words(run))
    with pytest.raises(ResultsDiffer, match="bits that were not dealt"):
        run.play(secrets.words(run))
    kinds = [each for each in heard.messages if b"BitAnswer" in each.content]
    assert liar.lies
    assert not kinds
    with pytest.raises(RunEnded):
        run.aggregators[0].ask_bits()
    honest_run = start()
    honest_run.play(secrets.words(honest_run))
    honest_run.play(secrets.words(honest_run))
    with pytest.raises(RoundAhead):
        honest_run.aggregators[0].ask_bits()


@pytest.mark.parametrize("is_told", [False, True])
def test_an_aggregator_asks_for_no_masks_and_takes_none_before_the_others_proof_holds(is_told, start):
    run, secrets = start(), Secrets()
    for _ in range(2):
        run.play(secrets.words(run))

    def come_early(sender, receiver, message):
        if b"OpeningQuestion" in message.content and is_told:
            masks = BitAnswer(run=run.plan.run, number=DECIDE, masks=bytes(8))
            run.aggregators[0].open_bits(run.signers["dealer"].send(masks))
        elif b"OpeningQuestion" in message.content:
            run.aggregators[0].ask_bits()
        return message

    run.between = come_early
    with pytest.raises(RoundAhead, match="before what was opened is proved"):
        run.play(secrets.words(run))


def test_the_dealer_tells_shares_of_a_tree_no_more_once_they_may_be_opened(start):
    """An aggregator has them in memory alone: one whose store was put back in a decision opens nothing twice."""
    run, secrets = start(), Secrets()
    for _ in range(2):
        run.play(secrets.words(run))
    asked = run.aggregators[0]._asked
    assert run.dealer.ask(asked)

    def come_back(sender, receiver, message):
        if b"OpeningShare" in message.content:
            run.dealer.ask(asked)
        return message

    run.between = come_back
    with pytest.raises(RoundAhead, match="out of its turn"):
        run.play(secrets.words(run))


@pytest.mark.parametrize(
    ("dealer", "refused"), [("goes on", "out of its turn"), ("is put back", "another content of openings")]
)
def test_an_aggregator_that_comes_back_opens_nothing_else_under_the_same_masks(dealer, refused, start):
    """What the other one opened decides what it opens next: it is dealt its shares no more, or opens what it had."""
    run, secrets = start(), Secrets()
    for _ in range(2):
        run.play(secrets.words(run))
    sent = [run.clients[name].message(DECIDE, words) for name, words in secrets.words(run).items()]
    kept = copy_of(run.dealer.journal)

    def finish(between):
        run.between = between
        for message in sent:
            run.hand(message.sender, message)
        run._finish()

    def end_after(sender, receiver, message):
        if b"OpeningShare" in message.content and run.dealer.read(message, OpeningShare).part == 1:
            raise Unavailable("both aggregators end here")
        return message

    with pytest.raises(Unavailable):
        finish(end_after)
    for name in run.plan.aggregators:
        renew_server(run, name)
    if dealer == "is put back":
        renew_server(run, run.plan.dealer.name, lambda _: kept)
    heard, lie = Recorder("aggregator-1"), Liar(TREE_LIES["bits are random in message 0"])
    lie.run = run
    with pytest.raises((RoundAhead, ConflictingReplay), match=refused):
        finish(lambda *given: heard(*given[:2], lie(*given)))
    assert bool(lie.lies) == (dealer == "is put back")
    assert sum(b"OpeningShare" in each.content for each in heard.messages) == lie.lies


def test_the_dealer_answers_no_openings_out_of_their_turn(start):
    run, secrets = start(), Secrets()
    run.play(secrets.words(run))
    question = OpeningQuestion(run=run.plan.run, number=1, challenges=())
    with pytest.raises(RoundAhead, match="out of its turn"):
        run.dealer.ask(run.signers["aggregator-0"].send(question))


def test_a_dealer_tells_shares_of_another_size_and_is_refused(start):
    run = start()

    def cut(sender, receiver, message):
        if sender != "dealer" or receiver != "aggregator-1" or b"ReleaseAnswer" not in message.content:
            return message
        answer = run.dealer.read(message, ReleaseAnswer)
        return run.signers["dealer"].send(msgspec.structs.replace(answer, share=(answer.share[0], answer.share[1][8:])))

    run.between = cut
    secrets = Secrets()
    run.play(secrets.words(run))
    with pytest.raises(WireError, match="tree of another size"):
        run.play(secrets.words(run))


def test_a_tree_is_of_active_runs_that_compare_alone(small):
    for changes in ({}, {"security": "active", "mode": "sum"}):
        with pytest.raises(ParameterError, match='comparison = "tree" is of active runs in outcome mode'):
            check_security(msgspec.structs.replace(small(), **changes))
    assert MaskedRun.draw(small()).plan.opens_bits


@pytest.mark.parametrize(
    ("name", "place", "moment"),
    [
        pytest.param(name, place, moment, marks=() if (name, place) in OF_A_TREE else pytest.mark.slow)
        for name in SERVERS
        for place in range(BY_A_TREE[name])
        for moment in (BEFORE, AFTER)
    ],
)
def test_a_server_that_ends_at_any_message_of_a_tree_goes_on_to_the_same_bits_or_ends_the_run_for_all(
    name, place, moment, small, tmp_path, honest
):
    """Only an aggregator ends it, that has bits to open: it is dealt its shares no more."""
    manifest = small(steps=2, **TIMES)
    if not honest:
        honest["told"] = play(manifest, tmp_path / "honest", Ends())[0]
    told, servers, said = play(manifest, tmp_path / "run", Ends((name, place, moment)))
    if not any(ended(servers)):
        assert told == honest["told"]
        assert {len(each) for each in said.values()} == {1}
        return
    assert name != "dealer"
    assert all(ended(servers))
    assert [isinstance(each[-1], str) for each in told] == [True, True]
    assert {len(each) for each in told} <= {3, 5}  # in a decision


@pytest.mark.parametrize("moment", [BEFORE, AFTER])
def test_an_aggregator_that_ends_while_bits_are_opened_ends_the_run_for_all(small, tmp_path, moment):
    told, servers, _ = play(small(steps=2, **TIMES), tmp_path / "run", Ends(("aggregator-0", 36, moment)))
    assert [isinstance(each[-1], str) for each in told] == [True, True]
    assert [len(each) for each in told] == [3, 3]
    assert all(ended(servers))


def test_a_run_by_a_tree_has_as_many_messages_as_are_looked_at(small, tmp_path):
    ends = Ends()
    play(small(steps=2, **TIMES), tmp_path / "run", ends)
    assert {name: ends.passed[name] for name in SERVERS} == BY_A_TREE
