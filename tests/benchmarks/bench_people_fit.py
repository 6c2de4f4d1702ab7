"""A fit through private agents: error against epsilon.

`people_fit_noise`: made outbreaks of known parameters are fitted with noise in every round, of epsilon in all, and a
plot is left in build/people_fit_noise.html. Noise is the system's, so no two runs are alike.
"""

import tempfile
import warnings
from pathlib import Path

import msgspec
import numpy as np
from measure import Row
from plotly import graph_objects as go

from lpm_secure.calibration.people.config import load_people
from lpm_secure.calibration.people.job import fit_people, intervals
from lpm_secure.report.folder import merge_figures
from tests.integration.test_people_fit import TRUTH, noised, outbreak

BUILD = Path(__file__).parents[2] / "build"
EPSILONS, OUTBREAKS, ROUNDS, REPLICATES = (1.0, 2.0, 4.0, 8.0), range(1, 6), 5, 12


def people_fit_noise():
    """Return a row for each epsilon and parameter: the error of its logarithm, beside that of exact sums."""
    errors, held = {}, {}
    for epsilon in (None, *EPSILONS):
        for seed in OUTBREAKS:
            with tempfile.TemporaryDirectory() as name:
                path = outbreak(Path(name), seed=seed, replicates=8)
                given = {"rounds": ROUNDS, "replicates": REPLICATES}
                path = noised(path, epsilon=epsilon, **given) if epsilon else path
                result = fit_people(load_people(path), Path(name) / "out", private=False)
            key = result.epsilon and round(result.epsilon, 2)
            for parameter, median, low, high in intervals(result):
                errors.setdefault((parameter, key), []).append(np.log(median / TRUTH[parameter]))
                held[parameter, key] = held.get((parameter, key), 0) + (low <= TRUTH[parameter] <= high)
    spread = {each: float(np.sqrt(np.mean(np.square(found)))) for each, found in errors.items()}
    rows = []
    for (parameter, epsilon), error in spread.items():
        what = f"{parameter}, epsilon {epsilon}" if epsilon else f"{parameter}, exact"
        count = f"90 % intervals held {held[parameter, epsilon]} of {len(OUTBREAKS)}"
        rows.append(Row("people_fit_noise", error, "log", f"{what}: {count}", error / spread[parameter, None]))
    plot(spread)
    merge_figures(BUILD / "people_fit.json", {"noise": msgspec.to_builtins(rows)})
    return rows


def plot(spread):
    """Leave a plot of error against epsilon, with that of exact sums as a line."""
    figure = go.Figure()
    for parameter in TRUTH:
        own = sorted((epsilon, error) for (name, epsilon), error in spread.items() if name == parameter and epsilon)
        figure.add_scatter(x=[each[0] for each in own], y=[each[1] for each in own], name=parameter)
        figure.add_hline(y=spread[parameter, None], line_dash="dot", annotation_text=f"{parameter}, exact")
    figure.update_layout(xaxis_title="epsilon of the whole fit", yaxis_title="error of the logarithm", xaxis_type="log")
    BUILD.mkdir(exist_ok=True)
    figure.write_html(BUILD / "people_fit_noise.html", include_plotlyjs=True)


warnings.simplefilter("ignore", RuntimeWarning)
BENCHMARKS = {"people_fit_noise": people_fit_noise}
