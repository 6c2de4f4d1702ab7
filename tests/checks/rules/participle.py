"""Which words are participles."""

import re

IRREGULAR = """
become begun born bought broken brought built caught chosen done drawn driven eaten fallen felt forgotten found frozen
given gone gotten grown heard held hidden kept known laid led left lent lost made meant met paid risen said seen sent
shown sold spent spoken stood struck sworn taken taught thought thrown told torn understood won worn wound written
"""
OTHER = """
bed breed embed exceed feed hundred indeed need proceed red seed shed speed succeed testbed weed
"""  # nouns and verbs
METHODS = """
accounting binding blinding differencing folding hardening lumping masking mixing rounding scoring sealing sharing
signing spending testing training
"""  # what the field calls a method, for which it has no other noun: "secret sharing", "group testing"
THINGS = """
closing crossing ending keyring nothing opening reading recording ring setting
"""  # what is there, or has happened: it has a plural, or no verb behind it
PARTICIPLES, OTHERS = frozenset(IRREGULAR.split()), frozenset(OTHER.split())
NOUNS = frozenset((METHODS + THINGS).split())


def is_participle(word: str) -> bool:
    """Return whether a word is a past participle: in the list, or in -ed and no noun or verb that ends so."""
    word = word.lower()
    return word not in OTHERS and (word in PARTICIPLES or (len(word) > 3 and word.endswith("ed")))


def is_present_participle(word: str) -> bool:
    """Return whether a word ends in -ing, and is no noun of the lists: `deciding`, not `sharing`."""
    word = word.lower()
    return word.endswith("ing") and word not in NOUNS


def words(name: str) -> list[str]:
    """Return the words of an identifier, in CamelCase or snake_case."""
    return re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+", name)
