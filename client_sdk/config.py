"""The configuration file of a client."""

import datetime
from pathlib import Path
from typing import Annotated, final

import msgspec

from client_sdk.admission import AdmissionConfig
from client_sdk.private.data_dictionary import NO_DICTIONARY, DataDictionary
from client_sdk.private.table_file import require_form
from protocols.toml_file import load_config


@final
class ClientConfig(AdmissionConfig, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What `python -m client_sdk --config FILE` reads; paths are relative to the file.

    Attributes:
        name: this client's in the manifest, and in its certificate.
        manifest: of the run, with its signature (.sig) beside it.
        operator_key: who must have signed it: the run's operator's Ed25519 key, 32 bytes in base64.
        policy: what the client's owner allows, TOML; a manifest that asks for more is refused.
        credentials: folder with authority.pem, certificate.pem, and private.key and identity.key (mode 0600).
        people: CSV with a row for each own agent: agent, its number in the manifest, or person, a name of one's own,
            and then people have the manifest's numbers in the order of the file; cell where there are cells; columns of
            the model, and what is known of its state.
        contacts: CSV with a row for each contact of an own agent: a, b, date (or start and end, or day), channel and
            weight.
        others: CSV with the columns person and agent: the manifest's numbers of other clients' people, by what the
            contacts call them; where own people have names.
        start: the day of the run's first step, as this client's owner knows it: the manifest's counts, and another one
            is refused.
        dictionary: how the files call their columns, stages and cells, and write dates.
        relay: the one aggregator that this client reaches, by name; it passes sealed calls on to the others.
        states_every: for adjoints, of how many steps one state is kept in memory; those between are computed again.
        outcomes: where the client writes what it learnt of its own agents: a row when an outcome or a stage changes. A
            Parquet file if its name ends in .parquet, where pyarrow is installed; so is the next.
        series: where it writes what the run released in each step.
        report: where it writes its own page of the run, for people to read.
        max_missed: how many steps it may miss; its process ends with code 3 after more. One of ten unless given.
        summary: where the client writes what it sent and received in bytes, for its owner; no private value.
    """

    people: str
    contacts: str
    others: str | None = None
    start: datetime.date | None = None
    dictionary: DataDictionary = NO_DICTIONARY
    states_every: Annotated[int, msgspec.Meta(ge=1)] = 1
    outcomes: str = "outcomes.csv"
    series: str = "series.csv"
    report: str = "report.html"
    max_missed: Annotated[int, msgspec.Meta(ge=0)] | None = None
    summary: str = "summary.json"

    def __post_init__(self) -> None:
        """Refuse tables that could not be written when the run is over."""
        for name in (self.outcomes, self.series):
            require_form(Path(name))


def load(path: Path) -> ClientConfig:
    """Read a configuration file; errors are ConfigError."""
    return load_config(path, ClientConfig)
