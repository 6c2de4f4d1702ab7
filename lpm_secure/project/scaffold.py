"""A first `project.toml`, in which every key is explained, for the run's operator to fill in."""

import datetime
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from lpm_secure.project.explanation import comment
from lpm_secure.project.project_file import ProjectFile
from protocols.errors import ParameterError
from protocols.identity.trust import require_name

PROJECT: Final = "project.toml"
VALID: Final = datetime.timedelta(days=90)
HEAD: Final = """\
# A private simulation between institutions: who takes part, of what, and what it releases.
# Fill it in, then make a folder for each party:   lpm project kit project.toml --out kits
# A line such as "# dt = 0.5" shows what may be set: take the mark away.
"""
OPTIONAL: Final[Mapping[str, Any]] = {
    "dt": 0.5,
    "period": 7,
    "compare_contacts": False,
    "mode": "sum",
    "security": "active",
    "validity": "off",
    "edges": "permuted",
    "degree": 8,
    "engine": True,
    "engine_identity": "(base64)",
    "collusion_bound": 1,
    "testbed_seed": 1,
}
TABLES: Final = """\
# The epidemic that is simulated; or the name of a model, model = "package.module:Class" above the
# first table, and its values in a table [parameters].
[model]
beta = { near = 0.004 }  # for each contact channel, infections per day and unit of weight
cell_beta = 0.05         # per day, if everyone in the cell were infectious
latent = { mean = 3.0, sd = 1.0 }      # days from infection until one infects others
infectious = { mean = 6.0, sd = 2.0 }  # days that one does
initial = 0.01           # of those of whom nobody knows, who are infectious on the first day
# fraction_bits = 40     # of hazards and thresholds
# waning = { mean = 180.0, sd = 30.0 }  # days of immunity; for ever without
# doses = { first_day = 7.0, days = 14.0, coverage = 0.6, efficacy = 0.7 }  # private vaccinations

# How many people mix in each cell, by its name; without the table nobody does. People's tables have
# a column cell with these names; where a model moves people, cells have the names of its own, and each
# the size of all. A series of cells shows 0 where fewer than min_count say something.
[cells]
"ward 1" = 40
"ward 2" = 60

# What columns, channels and cells mean, for whoever prepares the tables: their kits say it.
[dictionary]
near = "closer than two metres, as the wards' badges measure it"
weight = "one for each five minutes"
since = "the day of the first symptom"

# Noise in what is released. Without the table every number is exact, which no epsilon bounds.
[releases]
series = "incidence"   # who leaves the first stage: in each step; "running": all so far
epsilon = 2.0          # what the series may cost; without it stage counts are released exact
cells_epsilon = 8.0    # what all totals of cells together may cost
delta = 1e-6           # of each
# score_epsilon = 1.0  # of a score, see [gradient]

# Derivatives, which docs/private_gradients.md explains; most runs have none.
# [gradient]
# way = "score"                 # or "tangents", "adjoints"
# parameters = ["beta.near"]
# clip, value_bits, tangent_bits, largest_hazard, reduction, protection: as that page says

# Servers, each of another operator; no two of them may pool what they have.
[[aggregators]]
name = "agg-a"
operator = "university"        # who runs it
address = "agg-a.example:8443"  # where clients reach it
mpc = "agg-a.example:8444"      # where the other aggregators do, to compare shares; not in active runs
# listen = "0.0.0.0:8443"       # where it serves, if not at its address
# permutation = "agg-a.example:8445"  # where edges are permuted

[[aggregators]]
name = "agg-b"
operator = "charity"
address = "agg-b.example:8443"
mpc = "agg-b.example:8444"

[dealer]  # hands the aggregators randomness, and sees no input
name = "dealer-c"
operator = "statistics"
address = "dealer-c.example:8443"

# Institutions. Their people get numbers in this order, from 1; tables may call them otherwise.
[[clients]]
name = "st-mary"
agents = 40  # how many people; or a list of numbers, or a text file with one number a line

[[clients]]
name = "st-john"
agents = 35

[[clients]]
name = "st-anne"
agents = 25
"""


def write_project(name: str, folder: Path) -> Path:
    """Write `NAME/project.toml`, and return its path.

    Raises:
        ParameterError: no name of a run, or the folder is there.
    """
    place = folder / require_name(name)
    try:
        place.mkdir()
    except OSError as error:
        raise ParameterError(f"cannot make {place}: {error.strerror}; give another name") from error
    (place / PROJECT).write_text(project_text(name, today=datetime.datetime.now(datetime.UTC)), encoding="utf-8")
    return place / PROJECT


def project_text(name: str, *, today: datetime.datetime) -> str:
    """Return the file's content; it can be read as it is, and its addresses are nobody's."""
    begin = today.replace(hour=0, minute=0, second=0, microsecond=0)
    given = {
        "name": name,
        "operator": "ministry",
        "not_before": begin,
        "not_after": begin + VALID,
        "steps": 28,
        "start": begin.date(),
        "max_message": 300,
        "min_cohort": 3,
        "min_count": 5,
        "join_timeout_s": 600.0,
        "round_timeout_s": 60.0,
    }
    return "\n".join([HEAD, comment(ProjectFile, given, optional=OPTIONAL), TABLES])
