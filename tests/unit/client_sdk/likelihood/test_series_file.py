"""An institution's series as a file."""

import datetime

import numpy as np

from client_sdk.likelihood.series import Series
from client_sdk.likelihood.series_file import Periods, write_series
from lpm_secure.testbed.sum_deployment import SumDeployment
from tests.calibration_hospitals import WEEKS, hospitals
from tests.sum_manifests import sum_manifest

PERIODS = Periods(datetime.date(2026, 3, 2), 7, WEEKS)


def test_what_is_a_hospitals_own_is_written_for_it_alone(tmp_path):
    (tmp_path / "series.csv").touch(mode=0o644)
    write_series(tmp_path / "series.csv", Series.of(np.ones(WEEKS)), PERIODS)
    SumDeployment(tmp_path / "run", sum_manifest(), hospitals()).write()
    own = tmp_path / "run" / "parties" / "hospital-0"
    for path in (tmp_path / "series.csv", *(own / name for name in ("config.toml", "series.csv", "state.f64"))):
        assert path.stat().st_mode & 0o077 == 0, path
