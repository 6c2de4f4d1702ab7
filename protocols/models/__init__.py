"""What agents are, what they tell each other and how they change (Eq. 1 of arXiv 2507.09901)."""

from protocols.models.state import State as State

__all__ = ["State"]
