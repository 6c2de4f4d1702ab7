"""The joint computations of one run at one aggregator, put together by its manifest."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from aggregator.on_shares.agreement import Agreement, AgreementPeer
from aggregator.on_shares.backend import JointBackend
from aggregator.on_shares.outcomes import OutcomeRounds
from aggregator.on_shares.score import HiddenScores
from aggregator.permutation.delivery import Delivery, Permuter
from aggregator.release.ledger import Ledger
from aggregator.store import Store
from protocols.task.gradients.hidden_score import count_factors
from protocols.task.layout import Layout
from protocols.task.manifest import Simulation, run_id
from protocols.task.ranges import Ranges
from protocols.task.release_plan import ReleasePlan, suppression_of


@final
@dataclass(frozen=True, slots=True)
class JointRounds:
    """What a run in outcome mode computes on shares in each round: outcomes, and the score where it asks for one."""

    outcomes: OutcomeRounds
    scores: HiddenScores | None

    @classmethod
    def of(
        cls,
        manifest: Simulation,
        index: int,
        backend: JointBackend,
        *,
        store: Store,
        peers: Sequence[AgreementPeer],
        permuter: Permuter | None,
        ledger: Ledger | None,
    ) -> "JointRounds":
        """Put together what one aggregator of a run computes with the others; arguments are those of `Run`."""
        layout, schedule, run = Layout.of(manifest), manifest.schedule, run_id(manifest)
        delivery = None if permuter is None else Delivery(layout, run, store, permuter, period=manifest.period)
        agreement = Agreement(
            schedule, run, store, backend=backend, peers=peers, ledger=ledger, timeout_s=manifest.round_timeout_s
        )
        outcomes = OutcomeRounds(
            layout,
            schedule,
            agreement,
            ranges=Ranges(manifest) if manifest.validity == "bits" else None,
            level_bound=manifest.level_bound,
            rule=suppression_of(manifest),
            delivery=delivery,
        )
        scores, factors = None, count_factors(manifest.gradient, manifest.mode)
        if factors:
            plan, k = ReleasePlan.of(manifest), len(manifest.aggregators)
            scores = HiddenScores(manifest.model, plan, layout, backend, index=index, k=k)
        return cls(outcomes, scores)
