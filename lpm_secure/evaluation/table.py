"""The tables of an evaluation: rows by target, horizon, origin and method, and their means over origins."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from client_sdk.likelihood.series import Series
from client_sdk.private.table import F64
from lpm_secure.data.institution_series import InstitutionSeries
from lpm_secure.evaluation.baselines import HUB
from lpm_secure.evaluation.combination.member_series import MemberSeries
from lpm_secure.evaluation.config import EvaluationConfig
from lpm_secure.evaluation.forecasts import ByOrigin
from lpm_secure.evaluation.origins import Origin
from lpm_secure.evaluation.scores.comparison import compare_origins
from lpm_secure.evaluation.scores.value_scores import ValueScores, score_values

Rows = list[dict[str, Any]]
Methods = Mapping[str, ByOrigin]
TENTHS: Final = 10
SCORES: Final = ("wis", "wis_log", "held50", "held90", "bias")
KEYS: Final = ("target", "horizon", "half")


def tabulate(config: EvaluationConfig, methods: Methods, data: InstitutionSeries, origins: Sequence[Origin]) -> Rows:
    """Return a row for each target, horizon, scored origin and method; none where no value is known."""
    rows: Rows = []
    for target, horizon, origin, by_method in _scores(config, methods, data, origins):
        base = {"target": target, "horizon": horizon, "origin": origin.periods, "half": origin.half}
        means = {name: _means(each, horizon) for name, each in by_method.items()}
        if np.isnan(means[HUB]["wis"]):
            continue
        for name, mean in means.items():
            relative = {
                f"relative_to_hub{end}": _ratio(mean[f"wis{end}"], means[HUB][f"wis{end}"]) for end in ("", "_log")
            }
            values = int(np.isfinite(by_method[name].wis[..., :horizon]).sum())
            rows.append(base | {"method": name} | mean | relative | {"values": values})
    return rows


def summarise(rows: Rows) -> Rows:
    """Return a row for each target, horizon, half and method: means over origins, and relative scores' intervals."""
    found = []
    for key, group in _grouped(rows, (*KEYS, "method")).items():
        means = {f"mean_{name}": _mean(group, name) for name in ("wis", "held50", "held90", "bias")}
        relative: dict[str, float] = {}
        for end in ("", "_log"):
            ratios = [row[f"relative_to_hub{end}"] for row in group]
            parts = compare_origins(ratios, lag=key[1] - 1)
            relative |= dict(zip((f"relative{end}", f"relative{end}_low", f"relative{end}_high"), parts, strict=True))
        found.append(dict(zip((*KEYS, "method"), key, strict=True)) | {"origins": len(group)} | relative | means)
    return found


def compare_methods(rows: Rows, *, first: str, others: Sequence[str]) -> Rows:
    """Return the geometric mean of one method's score over that of each other one, over the same origins."""
    found = []
    for key, group in _grouped(rows, KEYS).items():
        score = {(row["origin"], row["method"]): row["wis"] for row in group}
        origins = sorted({row["origin"] for row in group})
        for other in others:
            ratios = [_ratio(score[o, first], score[o, other]) for o in origins]
            pair = dict(zip(("ratio", "low", "high"), compare_origins(ratios, lag=key[1] - 1), strict=True))
            found.append(dict(zip(KEYS, key, strict=True)) | {"method": first, "against": other} | pair)
    return found


def transforms(
    config: EvaluationConfig, methods: Methods, data: InstitutionSeries, origins: Sequence[Origin]
) -> dict[tuple[str, str], F64]:
    """Return how often values came in each tenth of a forecast, float64[TENTHS], by target and method.

    Where a forecast's quantiles tell a value's place only between two levels, the value is spread evenly over them
    (Czado, Gneiting, Held 2009, Biometrics 65: 1254-1261).
    """
    found: dict[tuple[str, str], F64] = {}
    edges = np.linspace(0.0, 1.0, TENTHS + 1)
    for target, horizon, _, by_method in _scores(config, methods, data, origins):
        if horizon != config.ahead:
            continue
        for name, scores in by_method.items():
            known = np.isfinite(scores.below)
            low, high = scores.below[known][:, None], scores.above[known][:, None]
            share = np.diff(np.clip((edges - low) / (high - low), 0.0, 1.0), axis=1).sum(axis=0)
            found[target, name] = found.get((target, name), np.zeros(TENTHS)) + share
    return {key: counts / max(counts.sum(), 1.0) for key, counts in found.items()}


def _scores(
    config: EvaluationConfig, methods: Methods, data: InstitutionSeries, origins: Sequence[Origin]
) -> list[tuple[str, int, Origin, dict[str, ValueScores]]]:
    """Return each method's scores, float64[..., H], of every target, horizon and scored origin."""
    found = []
    for origin in (each for each in origins if each.scored):
        at = origin.periods
        own = {name: _score(each[at].institutions, data.series, at) for name, each in methods.items()}
        found += [(config.targets.institutions, horizon, origin, own) for horizon in sorted(config.horizons)]
        if data.events_a_day is not None:
            truth = [Series.of(data.events_a_day)]
            public = {name: _score(np.array([each[at].public]), truth, at) for name, each in methods.items()}
            found += [(config.targets.public, horizon, origin, public) for horizon in sorted(config.horizons)]
    return found


def _score(quantiles: F64, series: Sequence[Series], origin: int) -> ValueScores:
    """Return the scores of forecasts of several series, float64[h, H, Q]."""
    came = [MemberSeries.of(each, [origin], own[None, None]) for own, each in zip(quantiles, series, strict=True)]
    least, most = (np.concatenate([getattr(each, name) for each in came]) for name in ("least", "most"))
    return score_values(quantiles, least, most)


def _means(scores: ValueScores, horizon: int) -> dict[str, float]:
    """Return means over the known values of the first periods; nan where there are none."""
    known = np.isfinite(scores.wis[..., :horizon])
    parts = {name: getattr(scores, name)[..., :horizon][known] for name in SCORES}
    return {name: float(part.mean()) if part.size else float("nan") for name, part in parts.items()}


def _ratio(score: float, other: float) -> float:
    """Return a relative score; 1 where both forecasts were exact."""
    return score / other if other > 0 else 1.0 if score == 0 else float("inf")


def _mean(group: Rows, name: str) -> float:
    return float(np.mean([row[name] for row in group]))


def _grouped(rows: Rows, keys: Sequence[str]) -> dict[tuple[Any, ...], Rows]:
    found: dict[tuple[Any, ...], Rows] = {}
    for row in rows:
        found.setdefault(tuple(row[key] for key in keys), []).append(row)
    return found
