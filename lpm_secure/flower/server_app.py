"""The centre's part of the Flower app: it plays the rounds that a fit asks for, and tells it the sums."""

import time
from pathlib import Path
from typing import Final

import numpy as np
from flwr.app import Context
from flwr.serverapp import Grid, ServerApp

from lpm_secure.flower.bridge import RoundReply, connect, receive_request, tell
from lpm_secure.flower.strategy import SecureSum, play
from protocols.errors import LpmError, ParameterError
from protocols.task import manifest as manifests

POLL_S: Final = 0.3
MANIFEST: Final = "manifest.json"

app = ServerApp()


@app.main()
def main(grid: Grid, context: Context) -> None:
    """Serve the fit whose folder the run's configuration names as `engine`; wait for nodes first."""
    folder = context.run_config.get("engine")
    if not isinstance(folder, str) or not folder:
        raise ParameterError("the run does not name the folder of its fit; set engine in --run-config")
    manifest = manifests.load(Path(folder) / MANIFEST)
    connection, strategy = connect(Path(folder)), SecureSum(manifest)
    _wait(strategy, grid, manifest.join_timeout_s)
    while (asked := receive_request(connection)) is not None:
        draws = np.frombuffer(asked.draws, dtype="<f8").reshape(asked.shape)
        strategy.asked = set(asked.hospitals)
        try:
            opened = play(strategy, grid, draws, server_round=asked.server_round, timeout_s=manifest.round_timeout_s)
            answer = RoundReply(opened.total.astype("<i8").tobytes(), opened.members, opened.refused)
        except LpmError as error:
            answer = RoundReply(failure=str(error))
        tell(connection, answer)


def _wait(strategy: SecureSum, grid: Grid, timeout_s: float) -> None:
    """Wait until all parties are there, or for so long; then the aggregators and enough hospitals must do."""
    until = time.monotonic() + timeout_s
    parties = len(strategy.manifest.clients) + len(strategy.manifest.aggregators)
    while len(strategy.meet(grid)) < parties and time.monotonic() < until:
        time.sleep(POLL_S)
