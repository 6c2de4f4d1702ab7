"""The centre of a calibration between real parties: it fits by their sums, over whichever restarts, to a report."""

import asyncio
import hashlib
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec
import torch

from lpm_secure.calibration.centre import config as configs
from lpm_secure.calibration.centre.report import summary_of
from lpm_secure.calibration.centre.results import CentreResult
from lpm_secure.calibration.centre.setting import CentreSetting
from lpm_secure.calibration.inference.fit import Fit
from lpm_secure.engine.journal import ReleaseJournal
from lpm_secure.report import folder as folders
from lpm_secure.report.summary import Summary
from lpm_secure.run.engine_party import require_engine_certificate
from lpm_secure.secure_sum.digest import SumDigest
from lpm_secure.secure_sum.remote import RemoteSum
from protocols import folder_lock
from protocols.errors import ParameterError
from protocols.identity import certificates
from protocols.kit.peers import wait_for_servers
from protocols.releases.ledger import SHORT
from protocols.task import manifest as manifests
from protocols.task.manifest import require_sum
from protocols.task.secure_sum.spec import SecureSum
from protocols.task.signature import load_verified

NOTICES: Final = logging.getLogger("lpm")  # for whoever waits; `lpm` prints them
OnFit = Callable[[Fit], None]


def run_centre(
    path: Path,
    *,
    on_round: OnFit = lambda fit: None,
    say: Callable[[str], None] = NOTICES.warning,
) -> Summary:
    """Fit a model by the sums of a deployment, or go on with it after a restart, and write the folder of results.

    Args:
        path: of the configuration.
        on_round: is told after each round; those of before a restart are computed again first.
        say: is given a line for whoever waits for the servers.

    Raises:
        ParameterError: a file cannot be used, they contradict each other, or another process does so here.
        RunEnded, ProtocolError: the fit cannot go on.
        Unavailable: an aggregator does not answer in time.
    """
    given, folder = configs.load(path), path.resolve().parent
    manifest = require_sum(load_verified(folder / given.manifest, operator_key=given.operator_key))
    own = folder / given.credentials
    require_engine_certificate(certificates.certificate_of(own))
    torch.set_num_threads(1)  # arrays are small, and a restart is to find the same bits
    setting = CentreSetting.read(given.calibration)
    _require_same(manifest, setting)
    results, short = folder / given.results, manifests.run_id(manifest).hex()[:SHORT]
    results.mkdir(parents=True, exist_ok=True)
    with folder_lock.hold(results / f"engine-{short}.lock"):
        started = time.perf_counter()
        journal = ReleaseJournal(
            results / f"sums-{short}.jsonl", run=manifests.run_id(manifest), engine=_identity(given, setting)
        )
        before = journal.steps
        if before < manifest.rounds:
            servers = {each.name: each.address for each in manifest.aggregators}
            asyncio.run(wait_for_servers(servers, own, patience_s=manifest.join_timeout_s, say=say))
        with RemoteSum(manifest, own, journal) as remote:
            sums = SumDigest(remote)
            fit = setting.fit(sums, tuple(client.name for client in manifest.clients))
            fit.run(on_round)
        result, seconds = CentreResult.of(setting, fit, sums.sha256), time.perf_counter() - started
        summary = summary_of(result, manifest, results, seconds=seconds, before=before)
        folders.write(results, summary)
    return summary


def _identity(given: configs.CentreConfig, setting: CentreSetting) -> str:
    """Return a hash of what the centre was asked for, wherever its files lie."""
    plain = {**msgspec.to_builtins(given.calibration), **dict.fromkeys(given.calibration.files)}
    asked = setting.course.identity.encode() + msgspec.json.encode(plain, order="deterministic")
    return hashlib.sha256(asked).hexdigest()


def _require_same(manifest: SecureSum, setting: CentreSetting) -> None:
    """Refuse a configuration of other sums than the manifest's.

    Raises:
        ParameterError: it is one.
    """
    table = setting.table
    for what, asked, signed in (
        ("draws, places and periods", table.shape(len(setting.places.places)), manifest.shape),
        ("rounds", table.fit.rounds, manifest.rounds),
        ("clip", table.clip, manifest.norm),
        ("bits", table.bits, manifest.bits),
    ):
        if asked != signed:
            raise ParameterError(f"{what} of the configuration are {asked}, and the signed manifest has {signed}")
