"""Back ends: what evaluates a model's graph for many agents. Each gives the interpreter's bits, and knows no model."""

from lpm_secure.engine.backends.backend import Backend as Backend
from lpm_secure.engine.backends.numpy_backend import NumpyBackend as NumpyBackend
