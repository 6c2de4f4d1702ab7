"""Draws as bands: quantiles by name, and the rows of a posterior's parameters."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from lpm_secure.models.courses.expected_course import CourseParameter

Rows = list[dict[str, Any]]


def bands(draws: np.ndarray[Any, np.dtype[np.float64]]) -> dict[str, list[float]]:
    """Return the quantiles of draws by name: each a list over what follows the first axis, flat."""
    levels = {"q05": 0.05, "q25": 0.25, "median": 0.5, "q75": 0.75, "q95": 0.95}
    return {name: np.quantile(draws, level, axis=0).reshape(-1).tolist() for name, level in levels.items()}


def posterior_rows(parameters: Sequence[CourseParameter], places: Sequence[str], periods: Sequence[str]) -> Rows:
    """Return a row for each parameter: for each place, or for each period from the lead-in on, where it has several."""
    rows: Rows = []
    for parameter in parameters:
        found = bands(parameter.values.numpy())
        for index, label in enumerate(labels_of(parameter, places, periods)):
            band = {key: values[index] for key, values in found.items()}
            rows.append({"parameter": parameter.name, "of": label} | band)
    return rows


def labels_of(parameter: CourseParameter, places: Sequence[str], periods: Sequence[str]) -> list[str]:
    """Return what each value of a parameter is of."""
    if parameter.axis == "":
        return [""]
    if parameter.axis == "places":
        return list(places)
    lead = parameter.values.shape[-1] - len(periods)
    return [f"{before} periods before" for before in range(lead, 0, -1)] + list(periods)
