"""Who watches a run while it goes on: a progress bar, a test, or nobody."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from lpm_secure.engine.loop import StepRelease
from protocols.models.agent_model import TallyWord

OnStep = Callable[[int, StepRelease], None]


class StepObserver(Protocol):
    """Watches the steps of a run between two moments."""

    def __call__(self, title: str, *, steps: int, words: Sequence[TallyWord]) -> AbstractContextManager[OnStep]:
        """Begin to watch a run of this tally; what the context yields is called with each step and its release."""


@contextmanager
def null_observer(title: str, *, steps: int, words: Sequence[TallyWord]) -> Iterator[OnStep]:
    """Watch nothing."""
    yield lambda step, release: None
