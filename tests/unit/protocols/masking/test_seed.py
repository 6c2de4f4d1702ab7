"""A client's seed on its way to the dealer."""

import msgspec
import pytest

from protocols.errors import NotSealed
from protocols.identity.sealing_key import SealingKey, public_key
from protocols.masking.seed import SealedSeed, open_seed

KEY = SealingKey.generate()
RUN = bytes(32)
SEED = SealedSeed.draw(RUN, "north", public_key(KEY.public))


def test_the_dealer_opens_the_seed_that_the_client_has():
    assert open_seed(SEED.notice, KEY) == SEED.source


@pytest.mark.parametrize("change", [{"client": "south"}, {"run": bytes([1] * 32)}, {"counter": 2}, {"sealed": b"x"}])
def test_a_seed_under_another_name_run_or_counter_does_not_open(change):
    """A seed that was copied into a colluding client's name made the dealer answer on an honest client's pads."""
    with pytest.raises(NotSealed):
        open_seed(msgspec.structs.replace(SEED.notice, **change), KEY)


def test_every_seed_is_another_one_and_none_is_printed():
    other = SealedSeed.draw(RUN, "north", public_key(KEY.public))
    assert other.source.seed != SEED.source.seed
    assert str(SEED.source.seed) not in repr(SEED)
