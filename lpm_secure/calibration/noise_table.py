"""What noise costs: the same forecast after fits of the same length with noise for several budgets, and with none."""

from typing import Any

import msgspec

from lpm_secure.calibration.config import CalibrationConfig
from lpm_secure.calibration.fit import Fit
from lpm_secure.calibration.forecast import OURS, forecast, table
from lpm_secure.calibration.study import Study
from lpm_secure.calibration.transports import shared


def noise_table(config: CalibrationConfig, study: Study) -> list[dict[str, Any]]:
    """Return a row for each budget and horizon; epsilon None is without noise."""
    asked = config.noise
    if asked is None:
        return []
    rows = []
    for epsilon in (*asked.epsilons, None):
        fit_config = msgspec.structs.replace(
            config.fit, rounds=asked.rounds, draws=asked.draws, rate=asked.rate, weight=asked.weight
        )
        way = msgspec.structs.replace(config.federation, epsilon=epsilon, clip=asked.clip, transport="in-process")
        noised = msgspec.structs.replace(config, fit=fit_config, federation=way)
        hospitals = study.hospitals(local_steps=noised.fit.local_steps)
        simulator = study.simulator()
        fit = Fit(simulator, simulator.parameters, shared(noised, hospitals), noised.schedule, study.names)
        fit.run()
        scores = table(study, forecast(fit, study, hospitals, seed=config.seed), seed=config.seed)
        chosen = [row for row in scores if row["method"] == OURS]
        rows += [{"epsilon": epsilon, "delta": way.delta, "rounds": asked.rounds} | row for row in chosen]
    return rows
