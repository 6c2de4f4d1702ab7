"""Noise for releases, from the system's randomness."""

from protocols.releases.mechanism.discrete_gaussian import DiscreteGaussian as DiscreteGaussian
from protocols.releases.mechanism.running_sum import RunningNoise as RunningNoise

__all__ = ["DiscreteGaussian", "RunningNoise"]
