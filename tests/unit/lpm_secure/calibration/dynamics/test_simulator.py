"""Derivatives of inpatients against finite differences."""

import torch

from lpm_secure.calibration.dynamics.city import small
from lpm_secure.calibration.dynamics.simulator import Simulator

WEEKS = 6
SIMULATOR = Simulator(small(), WEEKS, lead=2)
PARAMETERS = SIMULATOR.parameters


def test_derivatives_of_inpatients_agree_with_finite_differences() -> None:
    z = torch.randn(3, PARAMETERS.p, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    value, jacobian = SIMULATOR.with_jacobian(z, PARAMETERS)
    assert torch.allclose(value, SIMULATOR.log_inpatients(z, PARAMETERS), rtol=0, atol=1e-9)
    for j in range(PARAMETERS.p):
        step = torch.zeros_like(z)
        step[:, j] = 1e-5
        up, down = (SIMULATOR.log_inpatients(z + s * step, PARAMETERS) for s in (1, -1))
        assert torch.allclose((up - down) / 2e-5, jacobian[..., j], atol=1e-7)
