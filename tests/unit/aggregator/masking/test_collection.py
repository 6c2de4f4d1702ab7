"""What an aggregator has heard in a round."""

import msgspec

from aggregator.masking.collection import Collection
from protocols.identity.signing import new_key
from protocols.masking.envelope import Signer
from protocols.masking.messages import WordsNotice

SIGNER = Signer("north", new_key(), bytes(32))


def words(d):
    return SIGNER.send(WordsNotice(run=bytes(32), number=0, client="north", counter=1, d=d))


def test_another_signature_of_the_same_content_is_the_same_message():
    """Whoever carries a message can make another signature of some kinds that holds as well."""
    collection, message = Collection(0), words(b"one")
    collection.add("north", message)
    collection.add("north", msgspec.structs.replace(message, signature=bytes(64)))
    assert collection.single() == {"north": message}


def test_two_contents_of_one_client_are_none():
    collection = Collection(0)
    collection.add("north", words(b"one"))
    collection.add("north", words(b"two"))
    assert collection.single() == {}
    assert len(collection.offer()["north"]) == 2


def test_each_hands_on_what_the_other_lacks():
    one, two = Collection(0), Collection(0)
    one.add("north", words(b"one"))
    two.add("south", words(b"two"))
    assert one.lacking(two.offer()) == [words(b"one")]
    assert two.lacking(one.offer()) == [words(b"two")]
    assert one.lacking(one.offer()) == []
