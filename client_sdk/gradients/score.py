"""A client's scores: added up as its agents step, and told once, as shares, when the run closes."""

from typing import final

import numpy as np

from client_sdk.private_state import PrivateState
from protocols.fixed import I64
from protocols.manifest import Manifest
from protocols.substeps import Exposure, State
from protocols.substeps.score import Scores


@final
class OwnScore:
    """The scores of one client's agents; idle where the manifest asks for none.

    Security: leaves the client once, in the closing round, summed over its agents, each clipped, and shared like the
        tally beside it. Only the sum over at least `min_cohort` clients is opened.
    """

    __slots__ = ("_p", "_private", "_scores", "_steps")

    def __init__(self, manifest: Manifest, private: PrivateState) -> None:
        """Take in the initial draws."""
        given = manifest.gradient
        wanted = given is not None and given.way == "score"
        self._steps, self._private = manifest.steps, private
        self._p = given.p if given is not None and wanted else 0
        self._scores = Scores(manifest, private.state, susceptibility=private.susceptibility) if wanted else None

    def observed(self, told: Exposure, after: State) -> dict[str, object]:
        """Take in a step from what reached own agents and the state that it led to, and return that state."""
        if self._scores is not None:
            self._scores.observe(self._private.state, told, after)
        return dict(after)

    def beside(self, tally: I64, step: int) -> I64:
        """Return the tally with p words beside it: the score in the closing round, zeros before."""
        if self._scores is not None and step == self._steps:
            return np.concatenate([tally, self._scores.encoded()])
        return np.concatenate([tally, np.zeros(self._p, dtype=np.int64)])
