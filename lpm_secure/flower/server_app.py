"""The centre's part of the Flower app: it plays the rounds that a fit asks for, and tells it the sums."""

import time
from pathlib import Path
from typing import Final

import numpy as np
from flwr.app import Context
from flwr.serverapp import Grid, ServerApp

from lpm_secure.flower.bridge import RoundReport, connect, next_request, send
from lpm_secure.flower.strategy import SecureSumStrategy, play
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
    manifest = manifests.require_sum(manifests.load(Path(folder) / MANIFEST))
    connection, strategy = connect(Path(folder)), SecureSumStrategy(manifest)
    _wait(strategy, grid, manifest.join_timeout_s)
    while (request := next_request(connection)) is not None:
        announced = np.frombuffer(request.words, dtype="<f8").reshape(request.shape)
        strategy.asked, number = set(request.institutions), request.server_round
        try:
            opened = play(strategy, grid, announced, server_round=number, timeout_s=manifest.round_timeout_s)
            total = opened.total.astype("<i8").tobytes()
            report = RoundReport(total, opened.members, opened.left_out, opened.unopened)
        except LpmError as error:
            report = RoundReport(failure=str(error))
        send(connection, report)


def _wait(strategy: SecureSumStrategy, grid: Grid, timeout_s: float) -> None:
    """Wait until all parties are there, or for so long; then the aggregators and enough institutions must do."""
    until = time.monotonic() + timeout_s
    parties = len(strategy.manifest.clients) + len(strategy.manifest.aggregators)
    while len(strategy.meet(grid)) < parties and time.monotonic() < until:
        time.sleep(POLL_S)
