"""Exact releases whose members differ by a few clients: a manifest may refuse them, and the run ends before."""

import numpy as np
import pytest

from lpm_secure.testbed.keys import permissive, pin_keys
from lpm_secure.testbed.masked_run import MaskedRun
from protocols.errors import CohortTooSmall, PolicyConflict
from protocols.task import policy as policies
from protocols.task.manifest import refuses_differencing
from tests.masked_restarts import renew_server
from tests.masked_runs import come_back, start_again

SPEAK = 1
FOUR = ((1, 2), (3, 4), (5, 6), (7, 8))
SIX = (*FOUR, (9, 10), (11, 12))


@pytest.fixture
def begin(small):
    """Return a function that begins a run of four clients of two agents each, unless told."""

    def made(**changes):
        manifest = small(**{"agents": FOUR, "min_cohort": 2, "steps": 4, "security": "active"} | changes)
        return MaskedRun.draw(manifest).start()

    return made


def play(run, *here):
    """Play a round in which these clients take part."""
    plan, number = run.plan, run.aggregators[0].number
    words = {name: np.zeros(plan.count(name, number), np.uint64) for name in here}
    if number == 0:
        words = {name: np.full(2, min(plan.manifest.level_bounds) + 1, np.uint64) for name in here}
    elif plan.opens(number):
        nothing = np.zeros((plan.layout.n, 1), np.int64), np.zeros(plan.layout.cells, np.int64)
        words = {name: plan.layout.pack(*nothing, np.array([2, 0, 0, 0])) for name in here}
    return run.play(words)


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize("since", [SPEAK + 1, SPEAK + 2])
def test_a_release_that_would_differ_by_one_client_ends_the_run_before_it_is_made(begin, since, restarts):
    run = begin(refuse_differencing=True)
    for number in range(SPEAK + 2):
        play(run, *(run.plan.names if number < since else run.plan.names[1:]))
    if restarts:
        for name in run.plan.aggregators:
            renew_server(run, name)
    with pytest.raises(CohortTooSmall, match="could together tell of 1 client alone"):
        play(run, *run.plan.names[1:])
    assert run.dealer._next == (SPEAK + 2, True)  # it was asked for proofs alone
    assert all(party.ending for party in (*run.aggregators, run.dealer, *run.clients.values()))


@pytest.mark.parametrize("restarts", [False, True])
def test_a_third_release_that_tells_of_one_together_with_two_before_ends_the_run(begin, restarts):
    """All less three less two others is one: no two of these cohorts differ by fewer than three."""
    run = begin(refuse_differencing=True, agents=SIX)
    for here in (range(6), range(6), range(6), range(3), range(3)):
        play(run, *(run.plan.names[each] for each in here))
    if restarts:
        for name in run.plan.aggregators:
            renew_server(run, name)
    others = run.plan.names[3:5]
    for name in others:
        come_back(run, start_again(run, name))
    with pytest.raises(CohortTooSmall, match="could together tell of 1 client alone"):
        play(run, *others)
    assert run.dealer._next == (SPEAK + 4, True)  # it was asked for proofs alone
    assert all(party.ending for party in (*run.aggregators, run.dealer, *run.clients.values()))


def test_one_that_differs_by_enough_is_made_and_so_is_one_over_the_same(begin):
    run = begin(refuse_differencing=True)
    for number in range(SPEAK + 5):
        told = play(run, *(run.plan.names if number < SPEAK + 2 else run.plan.names[2:]))
    assert told["engine"].release.tolist() == [4, 0, 0, 0]


def test_unless_a_manifest_says_so_the_run_goes_on_without_who_is_away(begin):
    run = begin()
    for number in range(SPEAK + 3):
        told = play(run, *(run.plan.names if number < SPEAK + 2 else run.plan.names[1:]))
    assert told["engine"].release.tolist() == [6, 0, 0, 0]


def test_a_policy_may_ask_for_it(small, tmp_path):
    given = {True: {"refuse_differencing": True}, False: {}}
    made = {each: small(agents=FOUR, min_cohort=2, security="active", **more) for each, more in given.items()}
    path = tmp_path / "policy.toml"
    for each, manifest in made.items():
        pinned = pin_keys(manifest)[0]
        path.write_text(permissive(pinned).replace("refuse_differencing = false", "refuse_differencing = true"))
        assert refuses_differencing(pinned) is each
        if each:
            policies.check(pinned, policies.load_policy(path))
        else:
            with pytest.raises(PolicyConflict, match="exact releases that together tell of a few clients"):
                policies.check(pinned, policies.load_policy(path))
