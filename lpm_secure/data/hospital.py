"""Contacts of 75 people in a hospital ward in Lyon (SocioPatterns, CC BY-NC-SA 3.0).

For tests and benchmarks only: neither the data nor what a run makes of them may be in a package, an example or a
picture.
"""

from typing import Final

from lpm_secure.data import catalogue
from lpm_secure.data.contact_data import ContactData, by_day
from lpm_secure.data.rows import read_contacts, read_groups

NAME: Final = "hospital_lyon"
SOURCE: Final = "SocioPatterns hospital ward (Vanhems et al. 2013), CC BY-NC-SA 3.0"


def load() -> ContactData:
    """Load the contacts, roles as groups.

    Raises:
        DataError: the files cannot be had, or a row is not `t,i,j` or `id,role`.
    """
    folder = catalogue.get(NAME)
    contacts = read_contacts(folder / "clean_contacts.csv.gz", separator=",", header="t,i,j")
    return by_day(contacts, read_groups(folder / "clean_people.csv", separator=",", header="id,role"), SOURCE)
