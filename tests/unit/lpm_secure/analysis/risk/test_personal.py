"""What a device makes of its worlds, for its owner alone."""

import stat

import numpy as np
import pytest

from lpm_secure.analysis.risk import personal
from lpm_secure.analysis.risk.personal import Personal, Worlds
from protocols.errors import ParameterError
from tests.epidemics import Stage

PEOPLE, EDGES = 6, (0.25, 0.5, 0.75)


def test_worlds_that_begin_ill_do_not_count():
    s, e, i = Stage.S, Stage.E, Stage.I
    risk = Personal.of(np.array([s, s, i, s, i, s]), np.array([e, s, i, i, i, s]))
    assert risk == Personal(Worlds((1, 0)), Worlds((1, 0)))
    assert (risk.before.risk, risk.bin(EDGES)) == (0.5, 2)
    assert Personal(Worlds((1,)), Worlds(())).bin(EDGES) == 3
    assert Worlds(()).risk == 0
    assert "1" not in repr(Worlds((1,) * 5))


def test_a_risk_is_its_owners_file(tmp_path):
    risk = Personal(Worlds((1, 0)), Worlds((0, 0)))
    risk.write(tmp_path)
    assert stat.S_IMODE((tmp_path / personal.RISK).stat().st_mode) == 0o600
    assert personal.read(tmp_path) == risk
    (tmp_path / personal.RISK).chmod(0o644)
    with pytest.raises(ParameterError, match="0600"):
        personal.read(tmp_path)
    (tmp_path / personal.RISK).unlink()
    with pytest.raises(ParameterError, match="missing"):
        personal.read(tmp_path)
