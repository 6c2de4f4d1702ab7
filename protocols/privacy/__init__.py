"""Noise for releases, from the system's randomness."""

from protocols.privacy.gaussian import DiscreteGaussian as DiscreteGaussian
from protocols.privacy.running import RunningNoise as RunningNoise

__all__ = ["DiscreteGaussian", "RunningNoise"]
