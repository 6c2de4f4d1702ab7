"""A smoothed threshold: having been infected is `sigmoid((H - E) / width)` for derivatives, a step for values.

The narrower, the less biased and the noisier.

Source: as the surrogate derivatives of spiking networks: Neftci, Mostafa and Zenke, Surrogate gradient learning in
spiking neural networks, IEEE Signal Processing Magazine 36 (2019).
"""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
from scipy.special import expit

from lpm_secure.gradients.estimators.relaxation import Relaxation
from lpm_secure.gradients.problem.trajectory import Trajectory
from lpm_secure.gradients.problem.world import ProblemLaw
from protocols.arithmetic.distributions import F64


@final
@dataclass(frozen=True, slots=True)
class Smoothing(Relaxation):
    """One run with `1 + p` channels a seed.

    Attributes:
        width: of the smoothed threshold, in units of its mean.
    """

    name: ClassVar[str] = "smoothed"
    unbiased: ClassVar[bool] = False
    cumulative: ClassVar[bool] = True

    width: float = 0.1

    def gain(self, law: ProblemLaw, path: Trajectory) -> F64:
        """Return the derivative of the smoothed threshold by the summed hazard."""
        soft = expit((path.hazard - path.threshold) / (law.unit * self.width))
        return np.asarray(soft * (1 - soft) / self.width)
