"""The audit follows an inquiry anew: other groups, other names and clients that come back are found."""

import functools

import msgspec
import pytest

from lpm_secure.audit import inquiries, rules
from lpm_secure.secure_sum.parties import build_noisy_releases, manifest_for
from protocols.releases import ledger
from protocols.releases.ledger import ReleaseRecord, RoundRecord, Trial
from protocols.task.release_plan import ReleasePlan
from protocols.task.secure_sum.group_testing import Inquiry, coin

RUN = bytes(range(32))
NAMES = tuple(f"hospital-{index}" for index in range(8))
LIAR, ROUND = NAMES[3], 3
REST = tuple(name for name in NAMES if name != LIAR)


def manifest_of(**changes):
    return manifest_for(NAMES, (2, 3), ["127.0.0.1:1001", "127.0.0.1:1002"], rounds=4, min_cohort=4, **changes)


@functools.cache
def held(liar=LIAR, *, most=100):
    inquiry = Inquiry(NAMES, 4, coin(RUN, ROUND))
    while len(inquiry.trials) < most and (group := inquiry.next()) is not None:
        inquiry.tell(group, fits=liar not in group)
    return inquiry


def trials_of(liar=LIAR, **more):
    return tuple(held(liar, **more).trials)


def round_of(number, members, *, refused=(), trials=(), manifest=None):
    releases = max(1, len(trials)) * ReleasePlan.of(manifest or manifest_of()).records(number)
    return RoundRecord(
        number=number, step=number, phase=0, members=members, refused=refused, releases=releases, trials=trials
    )


def test_with_a_dealer_no_groups_are_opened_and_who_failed_its_proof_does_not_come_back():
    active = manifest_of(dealer="127.0.0.1:1003")
    failed = round_of(3, REST, refused=(LIAR,))
    assert inquiries.misjudgements(active, RUN, [round_of(1, NAMES), failed, round_of(5, REST)]) == []
    returned = inquiries.misjudgements(active, RUN, [failed, round_of(5, NAMES)])
    assert returned == ["round 5: it has a client that was left out before"]
    assert "the run opens none" in inquiries.misjudgements(active, RUN, rounds_of(after=REST))[0]
    assert rules.differencing(active, [round_of(1, NAMES), failed]) == []


def rounds_of(*, after=REST, **changes):
    """Return the rounds of a run in which one is left out in round 3."""
    given = {"members": held().summands, "refused": (LIAR,), "trials": trials_of()} | changes
    before = [round_of(number, NAMES) for number in range(ROUND)]
    return [*before, round_of(ROUND, **given), *(round_of(number, after) for number in range(ROUND + 1, 8))]


def test_a_run_that_left_one_out_by_the_rule_is_in_order_and_says_so():
    manifest, rounds = manifest_of(), rounds_of()
    assert inquiries.misjudgements(manifest, RUN, rounds) == []
    assert rules.breaches(manifest, rounds) == []
    assert rules.differencing(manifest, rounds) == []
    closing = ledger.RoundEvent(agreed=rounds[ROUND], absent=(LIAR,), head=bytes(32))
    notes = rules.refusals([closing])
    assert f"round {ROUND}: shares out of range of {LIAR}" in notes
    assert any(f"{len(trials_of())} were opened" in note for note in notes)


OTHER_FIRST = (Trial(NAMES, fits=False), Trial(NAMES[:5], fits=True), *trials_of()[2:])


@pytest.mark.parametrize(
    "changes",
    [
        {"trials": OTHER_FIRST},
        {"trials": trials_of()[:-1]},
        {"trials": (*trials_of(), Trial(NAMES[:4], fits=True))},
        {"trials": (msgspec.structs.replace(trials_of()[0], fits=True), *trials_of()[1:])},
        {"trials": trials_of(NAMES[5])},
        {"trials": (Trial(NAMES[:3], fits=False),)},
        {"refused": (NAMES[5],)},
        {"refused": ()},
        {"members": held().summands[:-1]},
        {"members": REST},
        {"members": NAMES},
    ],
    ids=[
        "other groups",
        "cut",
        "more",
        "in range",
        "of another",
        "small",
        "innocent",
        "nobody",
        "fewer",
        "rest",
        "all",
    ],
)
def test_groups_names_or_members_that_are_not_the_rules_are_found(changes):
    found = inquiries.misjudgements(manifest_of(), RUN, rounds_of(**changes))
    assert any("not those of the rule" in line for line in found)


def test_another_coin_is_found():
    assert "not those of the rule" in inquiries.misjudgements(manifest_of(), bytes(32), rounds_of())[0]


def test_one_that_is_left_out_without_a_reason_or_comes_back_is_found():
    found = inquiries.misjudgements(manifest_of(), RUN, rounds_of(after=NAMES, trials=()))
    assert "nothing opened shows why" in found[0]
    assert [line for line in found if "left out before" in line] == [
        f"round {number}: it has a client that was left out before" for number in range(ROUND + 1, 8)
    ]


def test_a_cohort_that_differs_by_another_one_is_still_found():
    manifest = manifest_of()
    for after in (REST[1:], NAMES[1:]):
        assert any(f"{NAMES[0]}" in line for line in rules.differencing(manifest, rounds_of(after=after)))


def test_sums_that_no_inquiry_explains_are_found():
    manifest, rounds = manifest_of(), rounds_of()
    rounds[5] = msgspec.structs.replace(rounds[5], releases=2 * rounds[5].releases)
    assert rules.breaches(manifest, rounds) == ["round 5: it opened what the manifest does not allow"]


def test_a_run_that_is_no_calibration_has_no_inquiry(manifest_of):
    rounds = [round_of(ROUND, NAMES, trials=trials_of())]
    assert "the run opens none" in inquiries.misjudgements(manifest_of(), RUN, rounds)[0]


def test_an_inquiry_may_end_with_the_budget_and_what_it_opened_is_paid_for():
    releases = build_noisy_releases(sigma=40.0, rounds=5, epsilon=1.0, delta=1e-6)
    manifest = manifest_of(releases=releases)
    cut = trials_of(most=4)
    largest = held(most=4).summands or NAMES
    before = [round_of(number, NAMES, manifest=manifest) for number in range(ROUND)]
    rounds = [*before, round_of(ROUND, largest, trials=cut, manifest=manifest)]
    assert inquiries.misjudgements(manifest, RUN, rounds) == []
    assert "not those of the rule" in inquiries.misjudgements(manifest_of(), RUN, rounds)[0]
    _, table = rules.overspending(manifest, rounds)
    _, fewer = rules.overspending(manifest, before)
    assert table[0]["epsilon"] > 2 * fewer[0]["epsilon"]
    many = rounds + [round_of(number, NAMES, manifest=manifest) for number in range(4, 160)]
    assert rules.overspending(manifest, many)[0] != []


def test_a_round_without_an_inquiry_is_written_as_ever():
    plain = round_of(1, NAMES)
    assert b"trials" not in msgspec.json.encode(plain)
    assert b'"refused":[]' in msgspec.json.encode(plain)
    assert ledger.head_after(bytes(32), plain) != ledger.head_after(bytes(32), rounds_of()[ROUND])
    assert plain.releases == (ReleaseRecord("sum", "exact"),)


@pytest.mark.parametrize(
    ("number", "names"),
    [(ROUND, tuple(reversed(NAMES))), (ROUND, tuple(f"nobody-{index}" for index in range(8))), (2, NAMES)],
    ids=["an order that chooses other groups", "clients that the manifest has not", "a round that opens nothing"],
)
def test_an_inquiry_that_follows_the_rule_over_what_no_round_sums_is_found(number, names):
    inquiry = Inquiry(names, 4, coin(RUN, number))
    while (group := inquiry.next()) is not None:
        inquiry.tell(group, fits=names[3] not in group)
    forged = round_of(number, inquiry.summands, refused=inquiry.culprits, trials=tuple(inquiry.trials))
    found = inquiries.misjudgements(manifest_of(), RUN, [forged])
    assert found == [f"round {number}: the groups opened, or who was left out, are not those of the rule"]
