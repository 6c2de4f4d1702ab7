"""The contacts that a configuration asks for, or a look-alike that says so."""

import logging
from typing import Final

from lpm_secure.config.simulation import Config
from lpm_secure.data import look_alike, workplace
from lpm_secure.data.contact_data import ContactData
from protocols.errors import DataError

NOTICES: Final = logging.getLogger("lpm")  # for whoever waits; `lpm` prints them


def contacts_of(config: Config) -> ContactData:
    """Load the configured dataset; where it cannot be reached, say so in one line and generate a look-alike."""
    if config.private.dataset == "look_alike":
        return look_alike.look_alike(config.seed)
    try:
        return workplace.load()
    except DataError as error:
        NOTICES.warning("%s; going on with a GENERATED LOOK-ALIKE, which is not real data", error)
        return look_alike.look_alike(config.seed)
