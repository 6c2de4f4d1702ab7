"""Which words are past participles."""

import re

IRREGULAR = """
become begun born bought broken brought built caught chosen done drawn driven eaten fallen felt forgotten found frozen
given gone gotten grown heard held hidden kept known laid led left lent lost made meant met paid risen said seen sent
shown sold spent spoken stood struck sworn taken taught thought thrown told torn understood won worn wound written
"""
OTHER = """
bed breed embed exceed feed hundred indeed need proceed red seed shed speed succeed testbed weed
"""  # nouns and verbs
PARTICIPLES, OTHERS = frozenset(IRREGULAR.split()), frozenset(OTHER.split())


def is_participle(word: str) -> bool:
    """Return whether a word is a past participle: in the list, or in -ed and no noun or verb that ends so."""
    word = word.lower()
    return word not in OTHERS and (word in PARTICIPLES or (len(word) > 3 and word.endswith("ed")))


def words(name: str) -> list[str]:
    """Return the words of an identifier, in CamelCase or snake_case."""
    return re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+", name)
