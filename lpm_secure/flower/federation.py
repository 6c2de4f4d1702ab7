"""A federation over Flower: draws go out as Flower messages, and come back as one sum."""

import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self, final

import numpy as np

from client_sdk.vector_client import calibration_of
from client_sdk.vector_contribution import Contribution
from client_sdk.vector_hospital import F64
from lpm_secure.calibration.federation import Federation, Summed
from lpm_secure.deployment import MANIFEST, Deployment
from lpm_secure.flower.bridge import Asked, Bridge
from lpm_secure.flower.processes import Processes
from protocols.calibration import Calibration, rounds
from protocols.errors import ParameterError, ProtocolError
from protocols.manifest import Manifest


@final
@dataclass(slots=True, eq=False)
class Flower(Federation):
    """Hospitals and aggregators are Flower nodes; the fit runs here, and its rounds in a server app.

    A context: processes start with it, and end with it.

    Attributes:
        deployment: writes the parties' folders; its own processes are not started.
        simulated: see `Processes`.
        round: that comes next.

    Security: as `Native`: this side publishes draws, and sees sums over at least `min_cohort` hospitals alone.
    """

    deployment: Deployment
    simulated: bool = True
    round: int = 0
    processes: Processes = field(init=False, repr=False)
    _bridge: Bridge = field(init=False, repr=False)
    _scratch: Path = field(init=False, repr=False)

    @property
    def manifest(self) -> Manifest:
        """Return the run's manifest."""
        return self.deployment.testbed.manifest

    @property
    def calibration(self) -> Calibration:
        """Return what the manifest says of the calibration."""
        return calibration_of(self.manifest)

    def __enter__(self) -> Self:
        """Write the parties' folders, start Flower, and begin a run of the app."""
        self.deployment.write()
        names = [each.name for each in self.manifest.aggregators] + [each.name for each in self.manifest.clients]
        folder = self.deployment.folder
        self._scratch = Path(tempfile.mkdtemp(prefix="lpm-"))  # the path of a socket has 100 bytes at most
        shutil.copy(folder / MANIFEST, self._scratch / MANIFEST)
        self._bridge = Bridge(self._scratch)
        parties = (folder / "parties").resolve()
        self.processes = Processes(folder.resolve(), parties, names, self._scratch, self.simulated)
        try:
            self.processes.start()
            self.processes.run(self._scratch)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End all processes."""
        self._end()

    def gradient(self, log_inpatients: F64) -> Summed:
        """Have one round played, and return its sum.

        Raises:
            ParameterError: draws of another shape, or more rounds than the manifest has.
            ProtocolError: the round could not be played.
            Unavailable: the server app is gone.
        """
        if log_inpatients.shape != self.calibration.shape:
            raise ParameterError(f"got draws of shape {log_inpatients.shape}; the run has {self.calibration.shape}")
        if self.round == rounds(self.manifest):
            raise ParameterError(f"the run's {self.round} rounds are over; begin another one")
        draws = np.ascontiguousarray(log_inpatients, dtype="<f8").tobytes()
        patience_s = self.manifest.join_timeout_s + 3 * self.manifest.round_timeout_s + 60.0
        asked = Asked(self.round + 1, self.calibration.shape, draws)
        answered = self._bridge.ask(asked, timeout_s=patience_s)
        if answered.failure:
            raise ProtocolError(answered.failure)
        self.round += 1
        total = Contribution(self.calibration.clip, self.calibration.bits).decode(answered.sum)
        return Summed(total.reshape(log_inpatients.shape), answered.members, answered.refused)

    def _end(self) -> None:
        self._bridge.close()
        if hasattr(self, "processes"):
            self.processes.stop()
        shutil.rmtree(self._scratch, ignore_errors=True)
