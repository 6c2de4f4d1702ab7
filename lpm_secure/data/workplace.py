"""Contacts of 217 people in an office building in France, 2015 (SocioPatterns InVS15)."""

from typing import Final

from lpm_secure.data import catalogue
from lpm_secure.data.contact_data import ContactData, by_day
from lpm_secure.data.rows import read_contacts, read_groups

NAME: Final = "workplace_invs15"
SOURCE: Final = "SocioPatterns InVS15 (Génois and Barrat 2018), CC0"


def load() -> ContactData:
    """Load the contacts, departments as groups.

    Raises:
        DataError: the files cannot be had, or a row is not `t i j` or `i department`.
    """
    folder = catalogue.get(NAME)
    contacts = read_contacts(folder / "workplace_InVS15_tij.dat.gz")
    return by_day(contacts, read_groups(folder / "workplace_InVS15_metadata.txt"), SOURCE)
