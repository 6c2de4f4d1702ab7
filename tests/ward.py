"""A ward of twenty people with tables of their own, three of them known to be ill, beside synthetic ones."""

from pathlib import Path

WARD = """
name = "ward"
seed = 3
steps = 8
[model]
beta = { near = 0.05 }
cell_beta = 0.1
latent = { mean = 2.0, sd = 0.5 }
infectious = { mean = 3.0, sd = 1.0 }
initial = 0.1
[private]
people = "people.csv"
contacts = "contacts.csv"
start = 2026-03-02
clients = { column = "ward" }
[cells]
column = "ward"
[synthetic]
agents = 12
[protocol]
min_cohort = 2
"""
PEOPLE = ["person,ward,stage", *(f"{k:03},{'AB'[k % 2]},{'I' if k < 3 else ''}" for k in range(20))]
CONTACTS = ["date,a,b,weight", *(f"2026-03-{2 + k % 4:02},{k:03},{(k + 5) % 20:03},{1 + k % 3}" for k in range(20))]


def write_ward(folder: Path, *, since: int | None = None) -> Path:
    """Write a run's configuration and tables, with a column of the day since when who is ill was so, and return it."""
    people = PEOPLE
    if since is not None:
        people = [f"{PEOPLE[0]},since", *(f"{row},{since if ',I' in row else ''}" for row in PEOPLE[1:])]
    for name, rows in (("people.csv", people), ("contacts.csv", CONTACTS)):
        (folder / name).write_text("\n".join(rows) + "\n")
    (folder / "ward.toml").write_text(WARD)
    return folder / "ward.toml"
