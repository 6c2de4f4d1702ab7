"""Straight-through Gumbel: infections are drawn, derivatives are those of a softened draw.

An agent with chance `q = 1 - exp(-dH)` is infected where `logit q + g > 0` with logistic noise g, the difference of two
Gumbels. The derivative is that of `sigmoid((logit q + g) / temperature)`. Biased at any temperature, noisier at lower.

Source: Jang, Gu and Poole, Categorical reparameterization with Gumbel-softmax, ICLR 2017; Bengio, Léonard and Courville
(arXiv 1308.3432) for straight-through.
"""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from lpm_secure.gradients.estimators.relaxation import Relaxation
from lpm_secure.gradients.problem.trajectory import Trajectory
from lpm_secure.gradients.problem.world import ProblemLaw
from protocols.arithmetic.distributions import F64


@final
@dataclass(frozen=True, slots=True)
class Gumbel(Relaxation):
    """One run with `1 + p` channels a seed.

    Attributes:
        temperature: of the softened draw.
    """

    name: ClassVar[str] = "gumbel"
    unbiased: ClassVar[bool] = False

    temperature: float = 0.5

    def gain(self, law: ProblemLaw, path: Trajectory) -> F64:
        """Return the softened draw's derivative by the hazard of the step, until the agent is infected.

        What is left of the threshold before a step is again Exp(1), so it holds the noise, `-logit(1 - exp(-left))`.
        """
        increment = np.diff(path.hazard, axis=0, prepend=0) / law.unit
        left = (path.threshold - path.hazard) / law.unit + increment
        steps = np.arange(path.hazard.shape[0])[:, None]
        drawn = (increment > 0) & (steps <= path.at) & (left > 0)
        gain = np.zeros(increment.shape)
        rise, rest = increment[drawn], left[drawn]
        soft = 1 / (1 + (np.expm1(rest) / np.expm1(rise)) ** (1 / self.temperature))
        gain[drawn] = soft * (1 - soft) / (self.temperature * -np.expm1(-rise))
        return gain
