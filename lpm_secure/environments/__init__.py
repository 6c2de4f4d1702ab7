"""Environments: public numbers that the engine announces in each step, and every agent of a model hears alike."""

from lpm_secure.environments.environment import Environment as Environment
from lpm_secure.environments.environment import PublicValue as PublicValue
from lpm_secure.environments.environment import StepTotals as StepTotals
from lpm_secure.environments.schedule import InterventionSchedule as InterventionSchedule
from lpm_secure.environments.threshold_policy import ThresholdPolicy as ThresholdPolicy
from lpm_secure.environments.uniform_draws import UniformDraws as UniformDraws
