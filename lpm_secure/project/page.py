"""The page of a kit: what a party will be asked and told, in plain words."""

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any, Final

from lpm_secure.config.model import exclusions
from lpm_secure.project.base_project import BaseProject, ServerEntry
from lpm_secure.project.documentation.explanation import WIDTH
from lpm_secure.project.project_file import ProjectFile
from protocols.models.agent_model import ColumnSpec
from protocols.report.disclosure import SEEDED, cost_words, describe_disclosure
from protocols.report.manifest_page import rows_of
from protocols.report.terminal import align
from protocols.task.manifest import Manifest, SimulationManifest, compares

DICTIONARY: Final[Mapping[str, Any]] = {
    "columns": {"person": "mrn", "stage": "test"},
    "values": {"stage": {"positive": "I", "unknown": ""}},
    "dates": ["%d.%m.%Y"],
    "unread": ["phone"],
}
CLIENT: Final = """\
# {name} in the run {run}

You are asked to take part in a simulation that {operator} runs. Your people's states, contacts and thresholds stay in
this folder. What travels is split between servers of other operators, none of which can read its part alone.

## What will be learned

When the run is over, its report will say:

> {disclosure}

{cost} Visible to all parties: that you take part, the numbers of your {agents} people, when your machine is late, and
the manifest. {seed}

{comparison}

## What to do

Each command is one line; `lpm` stands for `python3 -m client_sdk` where the small installation is all you have.

1. Make your keys here: `lpm enrol .` Hand `{name}.request` to {operator}. Nothing else in this folder is for anybody.
2. Put `people.csv` and `contacts.csv` here, `chmod 600`. Say in `config.toml` how they call things.
3. Read `policy.toml`, line by line, and change what you do not allow.
4. Put what {operator} sends back here: `{name}.enrolled`, `manifest.json`, `manifest.sig`; and the signature of each
   server's operator, `manifest.SERVER.sig`.
5. `lpm doctor .` says what is still wrong. `./start`, or `lpm start .`, checks the same, and then takes part. To start
   is to consent: `consent-1.json` is your signed record of it.

At home you then have `report.html`, a page of it all, `outcomes.csv`, what you learned of your own people, and
`series.csv`, what the run released.

{device}Other files of this folder: `kit.toml`, whose it is; `{name}.invitation`, for step 1; `start`,
`lpm-{name}.service`, `Dockerfile` and `compose.yml`, ways to start; `credentials`, your keys; `others.csv`, if you
write one; `summary.json`, bytes sent and steps missed; `one_sided.csv`, which of your contacts another client lacks;
and what the program goes on from when it is started again, `*.lock`, `comparison-*` and `masking-*`: leave
these until the run is over. Leave `*.step` as long as the manifest is valid: by it the program refuses servers that
play the run once more.

## Your tables

`people.csv`, a row for each of your {agents} people:

{people}

`contacts.csv`, a row for each contact of one of your people; both sides list a mutual one:

{contacts}

## All that the run says of itself

The manifest that you get back, signed, has these fields; `lpm manifest show manifest.json` prints them.

```
{fields}
```
"""
COMPARED: Final = (
    "Before the run clients compare their contacts: each other client learns which of its own rows with your people "
    "you list too, and the length of your list with it up to a factor of two, and you learn the same of it. One that "
    "lies can ask about contacts that it makes up. `compare_contacts = false` in `policy.toml` refuses this."
)
NOT_COMPARED: Final = (
    "Clients do not compare their contacts: a mutual one that you alone list acts one way, and nobody notices."
)
DEVICE: Final = (
    "Nobody but the two ends knows a contact. Step 1 makes `device.key`, which stays here, and `device_card.csv`, "
    "which you hand to everybody whom this device meets; put the row of each card that you get into "
    "`contact_keys.csv`, below its first line. A contact in `contacts.csv` without such a row is refused."
)
ENGINE: Final = """\
# The engine of the run {run}

{operator} asks {own} to run the engine: it announces what synthetic people add in every step, and what the model hears
of the outside. It learns what is released, and nothing of any client.

## What to do

1. Make the engine's keys here: `lpm enrol .` Hand `engine.request` to {operator}.
2. Say in `engine.toml` who its people are: how many, from which population, and what they do.
3. Put what comes back here: `engine.enrolled`, `manifest.json`, `manifest.sig`.
4. `lpm doctor .` says what is wrong. `./start`, or `lpm start .`, checks the same, waits for the servers, and drives
   the run to its end. `results` then has series, figures and report.

Other files of this folder: `kit.toml`, whose it is; `start`, `lpm-engine.service`, `Dockerfile` and `compose.yml`, ways
to start; `credentials`, the engine's keys.

## What the clients are told of the run

> {disclosure}
"""
SERVER: Final = """\
# {name} in the run {run}

{operator} asks {own} to run {what}.

## What to do

1. Make the server's keys here: `lpm enrol .`, or `python3 -m aggregator enrol .` Hand `{name}.request` to {operator}.
2. Put what comes back here: `{name}.enrolled`, `manifest.json`, `manifest.sig`.
3. `lpm doctor .` says what is wrong. `./start`, or `lpm start .`, checks the same, signs the manifest as {own}, and
   serves at {address} until it is told to stop. Hand its signature, `manifest.{name}.sig`, to every client, whose
   policy asks for it.
4. A further run of {operator} on this server, while it goes on: put its manifest and signature into `runs`, as
   `NAME.json` and `NAME.sig`. The server checks them, signs as {own}, and serves; hand `runs/NAME.{name}.sig` to that
   run's clients. Its log says what was refused, and why.
5. When all is over, stop the server{ledger}.

## What the clients are told of the run

> {disclosure}
"""
KINDS: Final = {
    True: "the dealer, which hands the aggregators randomness and sees no input. It must pool nothing with them",
    False: "an aggregator, which holds a share of everything and can read none of it. It must pool nothing with the "
    "other servers",
}
CONTACTS: Final = {
    "a, b": "two people, by the names or numbers of `people.csv`; those of others by `others.csv` (person, agent)",
    "date; or start and end": "ISO 8601, or as `config.toml` says",
    "weight": "a whole number; 1 without the column",
}


def client_page(project: ProjectFile, manifest: SimulationManifest, name: str) -> str:
    """Return the page of a client's kit."""
    agents = next(client.agents for client in manifest.clients if client.name == name)
    rows = [row for row in rows_of(manifest) if row[0] not in {"run", "trust"}]
    channels = {"channel": ", ".join(manifest.channels)} if len(manifest.channels) > 1 else {}
    words = {
        "agents": len(agents),
        "cost": cost_words(manifest),
        "seed": SEEDED if manifest.testbed_seed is not None else "",
        "device": "" if manifest.devices is None else f"{textwrap.fill(DEVICE, WIDTH)}\n\n",
        "comparison": textwrap.fill(COMPARED if compares(manifest) else NOT_COMPARED, WIDTH),
        "people": _table(project, dict(_people(manifest, agents, project))),
        "contacts": _table(project, CONTACTS | channels),
        "fields": "\n".join(align(rows)),
    }
    return CLIENT.format(**page_words(project, manifest, name), **words)


def server_page(project: BaseProject, manifest: Manifest, server: ServerEntry) -> str:
    """Return the page of a server's kit."""
    dealer = server == project.dealer
    ledger = "" if dealer else f", and hand its ledger, ledger-*.jsonl, to {project.operator} for the audit"
    words = {"own": server.operator, "what": KINDS[dealer], "address": server.address, "ledger": ledger}
    return SERVER.format(**page_words(project, manifest, server.name), **words)


def engine_page(project: ProjectFile, manifest: SimulationManifest, own: str) -> str:
    """Return the page of the engine's kit, which `own` runs."""
    return ENGINE.format(**page_words(project, manifest, "engine"), own=own)


def page_words(project: BaseProject, manifest: Manifest, name: str) -> dict[str, str]:
    """Return what every page says of a party and its run."""
    disclosure = describe_disclosure(manifest)
    return {"name": name, "run": project.name, "operator": project.operator, "disclosure": disclosure}


def _people(manifest: SimulationManifest, agents: tuple[int, ...], project: ProjectFile) -> Iterator[tuple[str, str]]:
    first, last = (agents[0], agents[-1]) if agents else (0, 0)
    yield "person", f"a name of yours, each once; the rows have the numbers {first} to {last} in their order"
    model = manifest.model.agents
    if project.cells and model.cell_field is None:
        yield "cell", ", ".join(project.cells)
    refused = {} if isinstance(project.model, str) else exclusions(project.model, project.gradient)
    for spec in (each for each in model.columns if each.name not in refused):
        yield spec.name, _range(spec)


def _range(spec: ColumnSpec) -> str:
    ends = f"{'' if spec.bits else 'a whole number '}{spec.low:.6g} to {spec.high:.6g}"
    what = ", ".join(spec.names) or (f"a date; or steps before the run, {ends}" if spec.elapsed else ends)
    return what if spec.default is None else f"{what}; empty: unknown, and it begins as the model says"


def _table(project: ProjectFile, rows: Mapping[str, str]) -> str:
    """Return what columns are, with what the project's dictionary says of them."""
    lines = ["| column | what it is |", "|---|---|"]
    for name, what in rows.items():
        said = [project.dictionary[word] for word in (name, *what.split(", ")) if word in project.dictionary]
        lines.append(f"| {name} | {'; '.join([what, *said])} |")
    return "\n".join(lines)
