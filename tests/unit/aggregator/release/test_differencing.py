"""A run that is not active holds its releases against each other too, before they are made, and after a restart."""

from contextlib import nullcontext

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from aggregator.release.differencing import ReleasedCohorts
from aggregator.release.ledger import Ledger
from protocols.errors import CohortTooSmall
from protocols.releases.query import Release, Releases
from protocols.task.release_plan import ReleasePlan

ALL = tuple(f"client-{place}" for place in range(6))
SHORT_S = 0.1
TOLD = "could together tell of 1 client alone, and the manifest promises 2 clients"


@pytest.fixture
def manifest(manifest_of):
    """Return a function that makes a manifest of six clients, which refuses differencing unless told."""

    def made(**changes):
        given = {"k": 1, "sharing": "clear", "min_cohort": 2, "steps": 4, "round_timeout_s": SHORT_S}
        given |= {"join_timeout_s": SHORT_S, "refuse_differencing": True}
        return manifest_of([(place,) for place in range(6)], **given | changes)

    return made


async def play(operator, step, *clients):
    """Play a step over some clients, and return over how many the release is."""
    return (await operator.everybody(step, *clients))[0].members


@pytest.mark.parametrize("restarts", [False, True])
def test_a_third_release_that_tells_of_one_together_with_two_before_is_refused(manifest, during, tmp_path, restarts):
    key = Ed25519PrivateKey.generate()

    def book(run):
        return Ledger(tmp_path / "ledger.jsonl", run=run, name="aggregator-0", key=key)

    async def begin(operator):
        operator.join(*ALL)
        return [await play(operator, 0, *ALL), await play(operator, 1, *ALL[:3])]

    async def go_on(operator):
        with pytest.raises(CohortTooSmall, match=TOLD):
            await play(operator, 2, *ALL[3:5])
        with pytest.raises(CohortTooSmall, match=TOLD):  # nor when it is asked again
            await play(operator, 2, *ALL[3:5])

    async def both(operator):
        assert await begin(operator) == [6, 3]
        await go_on(operator)

    given = {"url": f"sqlite:///{tmp_path / 'store.sqlite'}", "book": book}
    if restarts:
        assert during(manifest(), begin, **given) == [6, 3]
        during(manifest(), go_on, **given)
    else:
        during(manifest(), both)
    assert not restarts or "together tell of 1 client alone" in (tmp_path / "ledger.jsonl").read_text()


def test_unless_a_manifest_says_so_it_is_made(manifest, during):
    async def act(operator):
        operator.join(*ALL)
        cohorts = ALL, ALL[:3], ALL[3:5]
        return [await play(operator, step, *clients) for step, clients in enumerate(cohorts)]

    assert during(manifest(refuse_differencing=False), act) == [6, 3, 2]


def test_a_release_over_the_same_clients_is_made(manifest):
    cohorts = ReleasedCohorts(ReleasePlan.of(manifest()))
    for members in (ALL, ALL[:4], ALL, ALL[:4]):
        cohorts.require_apart(members)
        cohorts.add(members)
    with pytest.raises(CohortTooSmall):
        cohorts.require_apart(ALL[:3])


@pytest.mark.parametrize("mechanism", ["exact", "discrete-gaussian"])
def test_releases_that_all_have_noise_are_held_against_nothing(manifest, mechanism):
    noise = {"sigma": 4.0, "unit": "contribution", "epsilon": 9.0} if mechanism != "exact" else {}
    series = Release(name="incidence", mechanism=mechanism, **noise)
    cohorts = ReleasedCohorts(ReleasePlan.of(manifest(releases=Releases(each=(series,), rho=1.0))))
    cohorts.add(ALL)
    with pytest.raises(CohortTooSmall) if mechanism == "exact" else nullcontext():
        cohorts.require_apart(ALL[:-1])
