"""What noise costs: the same forecast after fits of the same length with noise for several budgets, and with none."""

from typing import Any, Final

import msgspec
import numpy as np

from lpm_secure.calibration.config import CalibrationConfig, NoiseTableConfig
from lpm_secure.calibration.forecasts.forecast import OURS, forecast, table
from lpm_secure.calibration.inference.fit import Fit
from lpm_secure.calibration.study import Study
from lpm_secure.calibration.transports import in_process

AVERAGED: Final = ("wis", "cover50", "cover90")


def noise_table(config: CalibrationConfig, study: Study) -> list[dict[str, Any]]:
    """Return a row for each budget and horizon: means over repetitions, each with noise of its own, and the worst WIS.

    Epsilon None is without noise.
    """
    asked = config.noise
    if asked is None:
        return []
    rows = []
    for epsilon in (*asked.epsilons, None):
        each = [_scores(config, asked, study, epsilon) for _ in range(asked.repetitions if epsilon is not None else 1)]
        for same in zip(*each, strict=True):
            told = {"epsilon": epsilon, "delta": config.federation.delta, "rounds": asked.rounds, "fits": len(same)}
            means = {name: float(np.mean([row[name] for row in same])) for name in AVERAGED}
            rows.append(told | same[0] | means | {"worst_wis": max(float(row["wis"]) for row in same)})
    return rows


def _scores(
    config: CalibrationConfig, asked: NoiseTableConfig, study: Study, epsilon: float | None
) -> list[dict[str, Any]]:
    """Return our rows of the table of forecasts after one short fit."""
    fitted = msgspec.structs.replace(
        config.fit, rounds=asked.rounds, draws=asked.draws, rate=asked.rate, weight=asked.weight
    )
    way = msgspec.structs.replace(config.federation, epsilon=epsilon, clip=asked.clip, transport="in-process")
    noised = msgspec.structs.replace(config, fit=fitted, federation=way)
    institutions = study.institutions(local_steps=fitted.local_steps)
    stream = study.stream(local_steps=fitted.local_steps)
    fit = Fit(study.course, in_process(noised, institutions), noised.schedule, study.names, stream=stream)
    fit.run()
    scores = table(study, forecast(fit, study, institutions, seed=config.seed), seed=config.seed)
    return [row for row in scores if row["method"] == OURS]
