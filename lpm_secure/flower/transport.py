"""The secure sum over Flower: what is announced goes out as Flower messages, and comes back as one sum."""

import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, Self, final

import numpy as np

from client_sdk.secure_sum.contribution import F64
from lpm_secure.audit.collect import collect
from lpm_secure.flower.bridge import Bridge, RoundRequest
from lpm_secure.flower.processes import START_S, Processes
from lpm_secure.secure_sum.recall import recall
from lpm_secure.secure_sum.transport import OpenedSum, Reason, RoundCounter, SumTransport
from lpm_secure.testbed.deployment import MANIFEST
from lpm_secure.testbed.sum_deployment import SumDeployment
from protocols.errors import ProtocolError
from protocols.task.secure_sum.group_testing import MOST_TRIALS
from protocols.task.secure_sum.spec import SecureSum

STAGES: Final = 2 + MOST_TRIALS  # of the aggregators, at most: who is in, then a sum in each


@final
@dataclass(slots=True, eq=False)
class FlowerSum(SumTransport):
    """Institutions and aggregators are Flower nodes; who announces is here, and the rounds are in a server app.

    A context: processes start with the first round, and end with it.

    Attributes:
        deployment: writes the parties' folders; its own processes are not started.
        simulated: see `Processes`.
        refused: institutions that are asked no more: they sent garbage, or shares that do not open.

    Security: as `NativeSum`: this side announces, and sees sums over at least `min_cohort` institutions alone. The
        server carries what the aggregators tell each other, and cannot read it.
    """

    deployment: SumDeployment
    simulated: bool = True
    refused: dict[str, Reason] = field(init=False, default_factory=dict)
    processes: Processes | None = field(init=False, repr=False, default=None)
    _counter: RoundCounter = field(init=False, repr=False)
    _bridge: Bridge | None = field(init=False, repr=False, default=None)
    _scratch: Path | None = field(init=False, repr=False, default=None)

    def __post_init__(self) -> None:
        """Begin before the first round."""
        self._counter = RoundCounter(self.manifest)

    @property
    def manifest(self) -> SecureSum:
        """Return the run's manifest."""
        return self.deployment.manifest

    def __enter__(self) -> Self:
        """Begin; nothing is started yet."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End all processes, and put the ledgers where `lpm audit` looks for them."""
        if self._bridge is not None:
            self._bridge.close()
            collect(self.deployment)
        if self.processes is not None:
            self.processes.stop()
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)

    def open(self, announced: F64) -> OpenedSum:
        """Have one round played, and return its sum.

        Raises:
            ProtocolError: the round could not be played.
            Unavailable: the server app is gone.
        """
        self._counter.require(announced)
        if self._bridge is None:
            self._bridge = self._started()
        members = tuple(each.name for each in self.manifest.clients if each.name not in self.refused)
        words = np.ascontiguousarray(announced, dtype="<f8").tobytes()
        request = RoundRequest(self._counter.round + 1, announced.shape, words, members)
        report = self._bridge.ask(request, timeout_s=self._patience_s)
        if report.failure:
            raise ProtocolError(report.failure)
        self.refused |= dict.fromkeys(report.unopened, Reason.UNSEALED) | dict.fromkeys(report.left_out, Reason.GARBAGE)
        recall(self.deployment.institutions, self.deployment.folder / "parties", self.manifest)
        return self._counter.count(report.sum, report.members, self.refused)

    def leave_out(self, names: tuple[str, ...]) -> None:
        """Ask these no more."""
        self.refused |= dict.fromkeys(names, Reason.GARBAGE)

    @property
    def _patience_s(self) -> float:
        """Return how long a round may take: institutions, and the stages of aggregators that test pools."""
        return self.manifest.join_timeout_s + (STAGES + 1) * self.manifest.round_timeout_s + START_S

    def _started(self) -> Bridge:
        """Write the parties' folders, start Flower, and begin a run of the app."""
        self.deployment.write()
        names = [each.name for each in self.manifest.aggregators] + [each.name for each in self.manifest.clients]
        folder = self.deployment.folder
        self._scratch = Path(tempfile.mkdtemp(prefix="lpm-"))  # the path of a socket has 100 bytes at most
        shutil.copy(folder / MANIFEST, self._scratch / MANIFEST)
        bridge, parties = Bridge(self._scratch), (folder / "parties").resolve()
        self.processes = Processes(folder.resolve(), parties, names, self._scratch, self.simulated)
        self.processes.start()
        self.processes.run(self._scratch)
        return bridge
