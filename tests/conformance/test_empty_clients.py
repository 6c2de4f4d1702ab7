"""A client without agents adds nothing to a sum, so it is nobody among whom another client's numbers could hide.

The operator of a run lists clients without agents, so that a cohort is large in name, and all but one of the others
are away: what is released is this one's.
"""

import asyncio

import numpy as np
import pytest

from client_sdk.simulation.exchange import Exchange
from lpm_secure.audit import rules
from lpm_secure.testbed.masked_run import MaskedRun
from protocols.errors import CohortTooSmall, ParameterError
from protocols.releases.ledger import ReleaseRecord, RoundRecord
from protocols.task.layout import Layout

AGENTS = ((1, 2), (3,), (4,), (), ())
HERE = ("client-0", "client-3", "client-4")  # one that has agents, of the two that a release must cover
TALLY = np.array([1, 0, 1, 0])


def words(manifest, name):
    """Return what a client speaks: nobody says anything, and one of client-0's agents is infectious."""
    layout = Layout.of(manifest)
    spoken = np.zeros((layout.n, layout.c), dtype=np.int64)
    return layout.pack(spoken, np.zeros(0, dtype=np.int64), TALLY * (name == HERE[0]))


def test_one_clients_numbers_are_not_released_among_clients_without_agents(manifest_of, operators_of):
    manifest = manifest_of(AGENTS, min_cohort=2, join_timeout_s=0.1, round_timeout_s=0.1)

    async def told(operators, name):
        exchange = Exchange(manifest, name, operators.transports(name))
        await exchange.join()
        return (await exchange.round(words(manifest, name), step=0)).release.tolist()

    async def everybody():
        with operators_of(manifest) as operators:
            return await asyncio.gather(*(told(operators, name) for name in HERE))

    with pytest.raises(CohortTooSmall, match="a sum of 1 client: the manifest promises 2"):
        asyncio.run(everybody())


def test_nor_are_they_in_an_active_run(manifest_of, seir):
    model = seir(beta=(1,), cell_beta=0, f=1)
    manifest = manifest_of(AGENTS, mode="outcome", model=model, max_message=4, steps=1, min_cohort=2)
    run = MaskedRun.draw(manifest).start()
    tau = {name: np.full(run.plan.count(name, 0), 5, np.uint64) for name in HERE}
    with pytest.raises(CohortTooSmall, match="1 client left; the manifest promises 2"):
        run.play(tau)


def test_nor_may_a_manifest_promise_a_cohort_of_them(manifest_of):
    manifest_of(AGENTS, min_cohort=3)
    with pytest.raises(ParameterError, match="min_cohort is 4, but the run has 3 clients with agents: set it lower"):
        manifest_of(AGENTS, min_cohort=4)


def test_an_audit_counts_them_neither_in_a_cohort_nor_in_what_two_differ_by(manifest_of):
    manifest = manifest_of(AGENTS, min_cohort=2)

    def agreed(number, *members):
        given = {"number": number, "step": number, "phase": 0, "members": members}
        return RoundRecord(**given, refused=(), releases=(ReleaseRecord("tally", "exact"),))

    assert len(rules.breaches(manifest, [agreed(0, *HERE)])) == 1
    whole, less = agreed(0, "client-0", "client-1", "client-2"), agreed(1, "client-0", "client-1", *HERE[1:])
    assert "cohorts differ by client-2 alone" in rules.differencing(manifest, [whole, less])[0]
