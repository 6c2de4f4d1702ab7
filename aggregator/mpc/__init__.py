"""The aggregators' multi-party computation: numbers that no party holds, compared and multiplied as shares."""

from aggregator.mpc.config import DealerConfig as DealerConfig
from aggregator.mpc.config import Endpoint as Endpoint
from aggregator.mpc.config import Identity as Identity
from aggregator.mpc.config import PartyConfig as PartyConfig
from aggregator.mpc.randomness.dealer import serve_dealer as serve_dealer
from aggregator.mpc.worker import MpcWorker as MpcWorker
from aggregator.mpc.worker import Task as Task

__all__ = [
    "DealerConfig",
    "Endpoint",
    "Identity",
    "MpcWorker",
    "PartyConfig",
    "Task",
    "serve_dealer",
]
