"""`lpm evaluate`: forecasts of all methods at all origins, scores, and what was opened for them."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, final

from client_sdk.private.table import F64
from lpm_secure.calibration.config import CalibrationConfig
from lpm_secure.data.institution_series import InstitutionSeries
from lpm_secure.evaluation.baselines import BASELINES, HUB
from lpm_secure.evaluation.combination.combination import Combination
from lpm_secure.evaluation.config import HALVES, EvaluationConfig, Half
from lpm_secure.evaluation.forecasts import ByOrigin, forecast_baseline
from lpm_secure.evaluation.model_fits import ModelFits
from lpm_secure.evaluation.origins import Origin, origins_of, read_series
from lpm_secure.evaluation.secure_totals import SecureTotals
from lpm_secure.evaluation.table import Rows, compare_methods, summarise, tabulate, transforms
from lpm_secure.report.run_counter import count_runs

MODEL, COMBINED, WITHOUT_MODEL = "model", "combined", "combined_baselines"
MEMBERS: Final = ("pooled_growth", HUB)  # of the combination, beside the model
OnOrigin = Callable[[int, int, str], None]  # rounds that are over, of how many, and where


@final
@dataclass(frozen=True, slots=True, eq=False)
class EvaluationResult:
    """A finished evaluation.

    Attributes:
        config, calibration: what was asked for.
        title: what the data are.
        origins: all of them, those that are not scored too.
        methods: forecasts by method and origin.
        rows, summary, pairs: see `lpm_secure.evaluation.table`.
        transforms: of each target and method, over all origins.
        ledger: what was opened of institutions: a row for each question.
        rounds: of all fits.
    """

    config: EvaluationConfig
    calibration: CalibrationConfig
    title: str
    origins: tuple[Origin, ...]
    methods: dict[str, ByOrigin] = field(repr=False)
    rows: Rows = field(repr=False)
    summary: Rows = field(repr=False)
    pairs: Rows = field(repr=False)
    transforms: dict[tuple[str, str], F64] = field(repr=False)
    ledger: list[dict[str, Any]] = field(repr=False)
    rounds: int


def evaluate(
    config: EvaluationConfig,
    calibration: CalibrationConfig,
    folder: Path,
    *,
    halves: Sequence[Half] = HALVES,
    model: bool = True,
    on_round: OnOrigin = lambda done, total, where: None,
) -> EvaluationResult:
    """Forecast at every origin, and score what came.

    Args:
        config, calibration: what is evaluated.
        folder: of fits, one in a folder of its own; those that are there and fit are taken.
        halves: of the origins.
        model: whether the model is fitted; without it baselines and their combination are scored.
        on_round: is told after each round of a fit.

    Raises:
        ConfigError, DataError: what is asked for cannot be had.
        ProtocolError: a fit cannot go on.
    """
    data = read_series(config, calibration)
    origins = origins_of(config, data, halves)
    each = {o.periods: calibration.fit.rounds if o.anew else config.assimilation.rounds for o in origins if o.scored}
    total, facts = sum(each.values()) if model else 0, (data.title, f"Forecasts at {len(each)} origins are scored.")
    with count_runs(folder, kind="evaluation", name=config.name, total=total, unit="round", facts=facts) as counter:
        before = dict(zip(each, itertools.accumulate(each.values(), initial=0), strict=False))

        def after(origin: int, round_: int) -> None:
            counter.enter(f"the fit at origin {origin}")
            counter.reach(before[origin] + round_)
            on_round(before[origin] + round_, total, f"origin {origin}")

        counter.enter("baselines")
        fits = None
        if model:
            fits = ModelFits(calibration, config.assimilation, config.ahead, data, folder, after)
        return _score(config, calibration, data, origins, fits)


def _score(
    config: EvaluationConfig,
    calibration: CalibrationConfig,
    data: InstitutionSeries,
    origins: Sequence[Origin],
    model: ModelFits | None,
) -> EvaluationResult:
    """Forecast by all methods at the origins, and score them."""
    scored = [each for each in origins if each.scored]
    at = tuple(each.periods for each in scored)
    way = calibration.federation
    totals = SecureTotals(way.aggregators, way.min_cohort, way.security == "active")
    baselines = {
        name: forecast_baseline(name, each, data, at, ahead=config.ahead, totals=totals)
        for name, each in BASELINES.items()
    }
    combination = Combination(config.combination, tuple(sorted(config.horizons)), at)
    members = {name: baselines[name] for name in MEMBERS}
    methods, fits, rounds = dict[str, ByOrigin](), list[dict[str, Any]](), 0
    if model is not None:
        methods[MODEL], facts = model.run((each.periods, each.anew) for each in scored)
        methods[COMBINED] = combination.combine(COMBINED, {MODEL: methods[MODEL]} | members, data, totals)
        rounds = sum(each.rounds for each in facts.values())
        question = {"question": "gradients of a fit, in each round", "sums": rounds}
        largest = max(each.numbers for each in facts.values())
        fits = [question | {"numbers": largest, "institutions": len(data.names)}]
    methods[WITHOUT_MODEL] = combination.combine(WITHOUT_MODEL, members, data, totals)
    methods |= baselines
    rows = tabulate(config, methods, data, origins)
    first = WITHOUT_MODEL if model is None else COMBINED
    others = [name for name in methods if name != first]
    return EvaluationResult(
        config,
        calibration,
        data.title,
        tuple(origins),
        methods,
        rows,
        summarise(rows),
        compare_methods(rows, first=first, others=others),
        transforms(config, methods, data, origins),
        [*fits, *totals.ledger],
        rounds,
    )
