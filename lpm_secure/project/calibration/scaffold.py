"""A first project of a calibration, in which every key is explained, for the run's operator to fill in."""

import datetime
from pathlib import Path
from typing import Any, Final

from lpm_secure.calibration.centre.table import CalibrationTable
from lpm_secure.project.calibration.project_file import CALIBRATION, CalibrationProject, CentreEntry, InstitutionEntry
from lpm_secure.project.documentation.explanation import comment, tables, toml_value
from lpm_secure.project.kind import values_of
from protocols.atomic_file import write_atomically
from protocols.file_mode import PUBLIC_MODE
from protocols.toml_file import convert_tables, read_tables

FIRST: Final = Path(__file__).parent / "first_table.toml"
PLACES: Final = "places.csv"
PLACES_TEXT: Final = "place,population\nUpper Town,900000\nLower Town,1400000\n"
HEAD: Final = """\
# A calibration: institutions that may not pool their series fit one model together.
# Fill it in, then make a folder for each party:   lpm project kit project.toml --out kits
# A line such as "# bits = 24" shows what may be set: take the mark away.
# The numbers of [calibration] are of a made-up illness; none of them is a default.
"""
OPTIONAL: Final[dict[str, Any]] = {"security": "active", "collusion_bound": 1}
OF_TABLE: Final[dict[str, Any]] = {
    "quantity": "fever",
    "combine": "sum",
    "contacts": "contacts.csv",
    "movement": "movement.csv",
    "public": "public.csv",
    "epsilon": 4.0,
}
OF_TABLES: Final[dict[str, dict[str, Any]]] = {
    CALIBRATION: OF_TABLE,
    f"{CALIBRATION}.model": {"severity": [1.0, 4.0]},
    f"{CALIBRATION}.model.priors": {"stay_days": {"median": 9.0, "sd": 0.2}},
}
SERVERS: Final = """\
# Servers, each of another operator; no two of them may pool what they have.
[[aggregators]]
name = "agg-a"
operator = "university"         # who runs it
address = "agg-a.example:8443"  # where institutions reach it
# listen = "0.0.0.0:8443"       # where it serves, if not at its address

[[aggregators]]
name = "agg-b"
operator = "charity"
address = "agg-b.example:8443"

# With security = "active" alone: it hands the aggregators randomness, and sees no input.
# [dealer]
# name = "dealer-c"
# operator = "statistics"
# address = "dealer-c.example:8443"
"""
SHARES: Final = {
    "st-mary": {"Upper Town": 0.6},
    "st-john": {"Upper Town": 0.2, "Lower Town": 0.5},
    "st-anne": {"Lower Town": 0.3},
}


def calibration_text(name: str, *, today: datetime.datetime, valid: datetime.timedelta) -> str:
    """Return the file's content; it can be read as it is, and its addresses are nobody's.

    Args:
        name: of the run.
        today: on which it begins.
        valid: how long the run may take place.
    """
    begin = today.replace(hour=0, minute=0, second=0, microsecond=0)
    given = {
        "name": name,
        "operator": "ministry",
        "not_before": begin,
        "not_after": begin + valid,
        "min_cohort": 3,
        "join_timeout_s": 600.0,
        "round_timeout_s": 60.0,
    }
    words = [HEAD, comment(CalibrationProject, given, optional=OPTIONAL)]
    words += [tables(CALIBRATION, _first_table(begin.date()), optional=OF_TABLES)]
    centre = comment(CentreEntry, {"operator": "ministry"})
    words += ["# Whoever draws parameters and fits, the centre of the calibration.", f"[engine]\n{centre}", SERVERS]
    for place, (client, share) in enumerate(SHARES.items()):
        entry = InstitutionEntry(name=client, share=share)
        values = values_of(entry, entry.__struct_fields__)
        plain = "\n".join(f"{key} = {toml_value(value)}" for key, value in values.items())
        words.append(f"[[clients]]\n{plain if place else comment(InstitutionEntry, values)}\n")
    return "\n".join(words)


def write_first_tables(folder: Path) -> None:
    """Write the table of places that a first project names."""
    write_atomically(folder / PLACES, PLACES_TEXT.encode(), mode=PUBLIC_MODE)


def _first_table(today: datetime.date) -> CalibrationTable:
    begin = today - datetime.timedelta(days=today.weekday(), weeks=14)
    return convert_tables({**read_tables(FIRST), "start": begin}, CalibrationTable, origin=str(FIRST))
