"""Contacts of 75 people in a hospital ward in Lyon (SocioPatterns, CC BY-NC-SA 3.0).

For tests and benchmarks only: neither the data nor what a run makes of them may be in a package, an example or a
picture.
"""

import csv
import gzip
from typing import Final

import numpy as np

from lpm_secure.data import catalogue
from lpm_secure.data.contact_data import ContactData
from lpm_secure.data.workplace import by_day

NAME: Final = "hospital_lyon"
SOURCE: Final = "SocioPatterns hospital ward (Vanhems et al. 2013), CC BY-NC-SA 3.0"


def load() -> ContactData:
    """Load the contacts, roles as groups.

    Raises:
        DataError: the files cannot be had.
    """
    folder = catalogue.get(NAME)
    with gzip.open(folder / "clean_contacts.csv.gz", "rt", encoding="utf-8", newline="") as file:
        rows = [[int(row["t"]), int(row["i"]), int(row["j"])] for row in csv.DictReader(file)]
    with (folder / "clean_people.csv").open(encoding="utf-8", newline="") as file:
        groups = {int(row["id"]): row["role"] for row in csv.DictReader(file)}
    return by_day(np.array(rows, dtype=np.int64), groups, SOURCE)
