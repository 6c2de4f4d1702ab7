"""An institution's client, for one run.

python -m client_sdk enrol KIT                                makes this client's keys, and a request for the operator
python -m client_sdk manifest show FILE                       prints a run's manifest in sentences, and its fields
python -m client_sdk manifest verify FILE --operator-key KEY  checks that its operator signed it, and that it is valid
python -m client_sdk doctor KIT                               tells what is wrong with the kit, a line each
python -m client_sdk start KIT                                checks the kit, waits for its servers, takes part in a run
python -m client_sdk --config FILE                            takes part in a run, without a kit
python -m client_sdk enrol INVITATION FOLDER                  makes keys and a request, without a kit
python -m client_sdk enrol --accept NAME.enrolled FOLDER      puts the operator's answer beside the keys
"""

import argparse
import asyncio
import base64
import gc
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from client_sdk import Client, certificate_request, config, connect, institution, kit, read_credentials
from client_sdk.admission import Admission, admit, lock
from client_sdk.comparison.report import remove_secret, require_counterparts
from client_sdk.gradients.participant import take_part_over
from client_sdk.institution_config import InstitutionConfig
from client_sdk.masking.exchange import MaskedExchange, begin_exchange, require_no_relay
from client_sdk.private.files import read_private_files
from client_sdk.private.state import DRAW_BYTES
from client_sdk.simulation.durable_exchange import DurableExchange
from client_sdk.simulation.record import RunRecord
from client_sdk.simulation.report import write_report
from protocols.arithmetic.counters import Step
from protocols.atomic_file import write_atomically
from protocols.errors import ParameterError, Unavailable
from protocols.exit_code import exit_code_of, tell
from protocols.identity.certificates import expires_soon
from protocols.kit.doctor import require_healthy
from protocols.kit.kit import Kit
from protocols.kit.peers import wait_for_servers
from protocols.masking.journal import open_journal
from protocols.report import manifest_page
from protocols.task import manifest as manifests
from protocols.task.manifest import SimulationManifest, compares, is_active, require_simulation, run_id
from protocols.task.secure_sum.spec import SecureSum
from protocols.task.timeouts import patience_s
from protocols.toml_file import read_tables

PROGRAM: Final = "client"
DRAWS: Final = "draws"  # entry of a run's journal: the key of what a client draws of its agents


async def take_part(path: Path) -> None:
    """Join the run that a configuration names, take part to its end, and write a summary.

    Raises:
        ConfigError: another process does so from the same folder.
    """
    if _asks_for_sums(path):
        print(f"client: {await institution.take_part(path, _say)}")
        return
    given, folder = config.load(path), path.resolve().parent
    admission = admit(given, folder)
    manifest = require_simulation(admission.manifest)
    with lock(folder, given.name, manifest):
        await _take_part(given, admission, manifest)


def _asks_for_sums(path: Path) -> bool:
    """Tell whether a configuration's manifest is of a run of sums; whoever takes part checks whose it is."""
    name = read_tables(path).get("manifest")
    return isinstance(name, str) and isinstance(manifests.load(path.resolve().parent / name), SecureSum)


async def _take_part(given: config.ClientConfig, admission: Admission, manifest: SimulationManifest) -> None:
    folder = admission.folder
    if is_active(manifest):
        require_no_relay(given.relay)
    journal = open_journal(folder, run_id(manifest), given.name, credentials=folder / given.credentials)
    files = read_private_files(
        manifest,
        given.name,
        people=folder / given.people,
        contacts=folder / given.contacts,
        others=None if given.others is None else folder / given.others,
        start=given.start,
        dictionary=given.dictionary,
        draws=journal.once(DRAWS, DRAW_BYTES),
    )
    private = files.state
    credentials = read_credentials(folder / given.credentials)
    if soon := expires_soon(credentials.certificate):
        _say(soon)
    transports = admission.gate(connect(manifest, credentials, relay=given.relay))
    own = folder / given.credentials
    exchange: MaskedExchange | DurableExchange
    if is_active(manifest):
        exchange = begin_exchange(manifest, given.name, transports, identity=own, journal=journal)
    else:
        exchange = DurableExchange(manifest, given.name, transports, journal)
    left = not exchange.is_over and await _wait(exchange, given.addresses(manifest), own, manifest)
    if compares(manifest) and not exchange.has_joined:  # one aggregator alone carries letters
        await require_counterparts(manifest, files, transports[0], credentials=credentials, folder=folder)
    client = await take_part_over(manifest, private, exchange, states_every=given.states_every)
    gc.collect()
    gc.freeze()  # what is loaded by now stays: no step waits until it was looked through for garbage
    started = time.perf_counter()
    record = RunRecord(client) if isinstance(client, Client) else None
    try:
        await client.run(on_step=record.observe if record else lambda step: None)
    finally:
        if record:
            record.write(outcomes=folder / given.outcomes, series=folder / given.series)
            write_report(folder / given.report, record, transports, files=(given.outcomes, given.series))
    summary = {
        "steps": manifest.steps,
        "seconds": time.perf_counter() - started,
        "sent_bytes": sum(each.sent for each in transports),
        "received_bytes": sum(each.received for each in transports),
        "missed_steps": client.missed,
        "modules": sorted(sys.modules.keys() & {"torch", "crypten", "flwr"}),
    }
    write_atomically(folder / given.summary, msgspec.json.encode(summary))
    remove_secret(folder, run_id(manifest))
    for transport in transports:
        await transport.close()
    ended = "no server answers: the run had" if left else "the run is over after"
    took = f"{ended} {manifest.steps} steps, of which {len(set(client.missed))} were missed"
    print(f"client: {took}; see {given.report if record else given.summary}")
    if record:
        record.require_present(given.max_missed)


async def _wait(
    exchange: MaskedExchange | DurableExchange, addresses: Mapping[str, str], own: Path, manifest: SimulationManifest
) -> bool:
    """Wait for the servers, where the journal has not all; return whether this client goes on from it without them.

    Raises:
        Unavailable: they do not answer, and the client has not begun the run.
        RunEnded: they do not, and it had stopped.
    """
    waits_s = patience_s(manifest, Step(1)) if exchange.has_joined else manifest.join_timeout_s
    try:
        await wait_for_servers(addresses, own, patience_s=waits_s, say=_say)
    except Unavailable as error:
        if not exchange.has_joined:
            raise
        exchange.leave()
        _say(f"{error}; what it told this client before is written down")
        return True
    return False


def main() -> int:
    """Run one client; a mistake in its files is one line and exit code 2, a run that cannot go on exit code 3."""
    if sys.argv[1:2] in ([command] for command in COMMANDS):
        return exit_code_of(PROGRAM, lambda: COMMANDS[sys.argv[1]](sys.argv[2:]))
    parser = argparse.ArgumentParser(
        prog="python -m client_sdk",
        description=__doc__,
        epilog=f"{config.ClientConfig.__doc__}\nIn a run of sums:\n\n{InstitutionConfig.__doc__}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="TOML; see below")
    given = parser.parse_args()
    return exit_code_of(PROGRAM, lambda: asyncio.run(take_part(given.config)))


def _enrol(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m client_sdk enrol", description=certificate_request.__doc__)
    parser.add_argument("file", type=Path, help="a kit; or the operator's invitation; with --accept, its answer")
    parser.add_argument("folder", type=Path, nargs="?", help="for this client's credentials, where there is no kit")
    parser.add_argument("--accept", action="store_true", help="put the operator's answer beside the keys")
    given = parser.parse_args(arguments)
    print(enrol(given.file, given.folder, accept=given.accept))


def enrol(file: Path, folder: Path | None, *, accept: bool) -> str:
    """Enrol a client from its kit or from an invitation, or take an answer in, and return what its owner is told.

    Raises:
        ParameterError: no folder for an invitation's keys, or one beside a kit.
    """
    if file.is_dir() != (folder is None):
        raise ParameterError(f"got {file}; give a kit alone, or an invitation and a folder for the keys")
    if folder is None:
        return str(kit.enrol(Kit.load(file)))
    if accept:
        return f'operator_key = "{base64.b64encode(certificate_request.accept(file, folder)).decode()}"'
    return str(certificate_request.request(file, folder))


def _manifest(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m client_sdk manifest", description=manifest_page.__doc__)
    parser.add_argument(
        "what", choices=("show", "verify"), help="sentences, and every field; or whose signatures it has"
    )
    parser.add_argument("file", type=Path, help="manifest.json; its signatures lie beside it")
    parser.add_argument("--operator-key", metavar="KEY", help="base64, as you got it from the operator; for verify")
    given = parser.parse_args(arguments)
    if (given.what == "verify") != (given.operator_key is not None):
        parser.error("verify needs --operator-key, and show takes none")
    lines = manifest_page.verify_lines(given.file, given.operator_key) if given.operator_key else ()
    print("\n".join(lines or manifest_page.show_lines(given.file)))


def _start(arguments: list[str]) -> None:
    kit.start(_folder("start", arguments), take_part, _say)


def _doctor(arguments: list[str]) -> None:
    print(require_healthy(Kit.load(_folder("doctor", arguments)), _say, peers=True))


def _say(line: str) -> None:
    tell(PROGRAM, line)


def _folder(command: str, arguments: list[str]) -> Path:
    parser = argparse.ArgumentParser(prog=f"python -m client_sdk {command}", description=kit.__doc__)
    parser.add_argument("kit", type=Path, help="the folder that the run's operator made for this client")
    folder: Path = parser.parse_args(arguments).kit
    return folder


COMMANDS: Final = {"enrol": _enrol, "manifest": _manifest, "doctor": _doctor, "start": _start}


if __name__ == "__main__":
    sys.exit(main())
