"""Linearised smoothed perturbation analysis: single changed draws as in `coupled`, followed to first order.

An agent still susceptible after a step is infected in it at rate `d(dH)`; where it is infected later in the run, that
infection is taken away again. What an infection does to neighbours is linear in its messages: their rates add up, as if
two changes never met. So there is no replay and little noise, and a bias where the same agent would be infected by
several changes, in close circles and over many generations.

Source: Gong and Ho, Smoothed (conditional) perturbation analysis of discrete event dynamical systems, IEEE TAC 32
(1987), to first order.
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
class Perturbation(Relaxation):
    """One run with `1 + p` channels a seed."""

    name: ClassVar[str] = "perturbation"
    unbiased: ClassVar[bool] = False

    def gain(self, law: ProblemLaw, path: Trajectory) -> F64:
        """Return 1 in every step after which an agent is still susceptible."""
        steps = np.arange(path.hazard.shape[0])[:, None]
        return (steps < path.at).astype(np.float64)
