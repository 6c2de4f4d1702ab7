"""Forecasts without a model, which any model has to beat; each is one file."""

from typing import Final

from lpm_secure.evaluation.baselines.baseline import Baseline
from lpm_secure.evaluation.baselines.hub import HubBaseline
from lpm_secure.evaluation.baselines.persistence import Persistence
from lpm_secure.evaluation.baselines.pooled_growth import PooledGrowth

HUB: Final = "hub"
BASELINES: Final[dict[str, Baseline]] = {
    HUB: HubBaseline(),
    "pooled_growth": PooledGrowth(),
    "persistence": Persistence(),
}
