"""An agent's state, as whoever holds it does."""

from collections.abc import Mapping
from typing import Any

Array = Any  # an array of the Python array API: numpy on a client, torch in the engine
State = Mapping[str, Array]  # field name to array[n, ...]; never changed in place
