"""A federation over Flower: draws go out as Flower messages, and come back as one sum."""

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self, final

import numpy as np

from client_sdk.likelihood.institution import F64
from client_sdk.secure_sum.client import calibration_of
from lpm_secure.flower.bridge import Bridge, RoundRequest
from lpm_secure.flower.processes import START_S, Processes
from lpm_secure.secure_sum.federation import Federation, FederationSum
from lpm_secure.secure_sum.group_search import Search
from lpm_secure.secure_sum.remote import decode_sum, recall, require_round
from lpm_secure.testbed.deployment import MANIFEST, Deployment
from protocols.errors import ProtocolError, Unavailable
from protocols.task.manifest import Manifest


@final
@dataclass(slots=True, eq=False)
class Flower(Federation):
    """Hospitals and aggregators are Flower nodes; the fit runs here, and its rounds in a server app.

    A context: processes start with the first round, and end with it.

    Attributes:
        deployment: writes the parties' folders; its own processes are not started.
        simulated: see `Processes`.
        round: that comes next.
        refused: hospitals that sent garbage, and are asked no more.

    Security: as `Native`: this side publishes draws, and sees sums over at least `min_cohort` hospitals alone.
    """

    deployment: Deployment
    simulated: bool = True
    round: int = 0
    refused: tuple[str, ...] = field(init=False, default=())
    processes: Processes | None = field(init=False, repr=False, default=None)
    _bridge: Bridge | None = field(init=False, repr=False, default=None)
    _scratch: Path | None = field(init=False, repr=False, default=None)

    @property
    def manifest(self) -> Manifest:
        """Return the run's manifest."""
        return self.deployment.testbed.manifest

    def __enter__(self) -> Self:
        """Begin; nothing is started yet."""
        calibration_of(self.manifest)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End all processes."""
        if self._bridge is not None:
            self._bridge.close()
        if self.processes is not None:
            self.processes.stop()
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)

    def gradient(self, log_inpatients: F64) -> FederationSum:
        """Have one round played, and return its sum.

        Raises:
            ParameterError: draws of another shape, or more rounds than the manifest has.
            ProtocolError: the round could not be played.
            Unavailable: the server app is gone.
        """
        members = tuple(each.name for each in self.manifest.clients if each.name not in self.refused)
        total, members = self._play(log_inpatients, members)
        if total is None and members:
            total, members = self._searched(log_inpatients, members)
        recall(self.deployment.hospitals, self.deployment.folder / "parties", self.manifest)
        return FederationSum(np.zeros(log_inpatients.shape) if total is None else total, members, self.refused)

    def leave_out(self, names: tuple[str, ...]) -> None:
        """Ask these no more."""
        self.refused = names

    def _searched(self, log_inpatients: F64, members: tuple[str, ...]) -> tuple[F64, tuple[str, ...]]:
        """Find out in further rounds, over groups of hospitals, whose words are out of range; see `Search`.

        Raises:
            Unavailable: a hospital was away meanwhile. A sum without it says nothing of the others' words, and nobody
                has looked at whom it would isolate.
        """

        def opened(group: Sequence[str]) -> F64 | None:
            total, found = self._play(log_inpatients, group)
            if missing := sorted(set(group) - set(found)):
                raise Unavailable(
                    f"{missing[0]} did not answer while it was searched for who sends garbage; see its node's log, and "
                    "go on with --resume"
                )
            return total

        total, good = Search(members, self.manifest.min_cohort, opened).run()
        self.refused += tuple(name for name in members if name not in good)
        return total, good

    def _play(self, log_inpatients: F64, group: Sequence[str]) -> tuple[F64 | None, tuple[str, ...]]:
        """Have a round played with a group; return its sum, or None, and who is in it."""
        require_round(self.manifest, log_inpatients, self.round)
        if self._bridge is None:
            self._bridge = self._started()
        draws = np.ascontiguousarray(log_inpatients, dtype="<f8").tobytes()
        timeouts_s = self.manifest.join_timeout_s + 3 * self.manifest.round_timeout_s
        asked = RoundRequest(self.round + 1, calibration_of(self.manifest).shape, draws, tuple(group))
        answered = self._bridge.ask(asked, timeout_s=timeouts_s + START_S)
        if answered.failure:
            raise ProtocolError(answered.failure)
        self.round += 1
        self.refused += answered.refused
        if not answered.members:
            return None, ()
        return decode_sum(self.manifest, answered.sum, len(answered.members)), answered.members

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
