"""Which models are computed run by run, and why."""

import dataclasses

import numpy as np
import pytest

import lpm_secure.models as lpm
from lpm_secure.engine.bitslice.lane_model import EnsembleObstacle
from lpm_secure.engine.venues.channels import VenueChannels, Venues
from lpm_secure.models.library.seir import SeirModel
from lpm_secure.models.library.seirs import Seirs
from tests.lane_worlds import lane_model, world


class Loud(SeirModel):
    """A message of two."""

    contact = lpm.message(most=2)
    infection = lpm.outcome(
        {contact: SeirModel.contact_rate, SeirModel.mixing: SeirModel.cell_rate}, above=SeirModel.tau
    )


class Repeated(Seirs):
    """Looks at a spell's draw again, in each step of the spell."""

    def update(self, me, heard, draw):
        new = super().update(me, heard, draw)
        return new.set(latent=draw.days(self.latent_law, "latent", spell=new.spell))


class Twice(SeirModel):
    """Two draws of one purpose are one draw."""

    def begin(self, me, draw):
        return super().begin(me, draw).set(latent=draw.days(self.latent_law, "infectious"))


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (Loud, "a message of contact is more than 0 or 1"),
        (Repeated, "latent may be drawn of one spell again"),
        (Twice, "two draws of the purpose infectious are one draw"),
    ],
)
def test_a_graph_that_has_to_be_computed_run_by_run_says_why(kind, reason):
    with pytest.raises(EnsembleObstacle, match=reason):
        lane_model(world(kind, n=60), 5)


def test_people_who_mix_by_age_are_computed_run_by_run():
    graph, parameters, channels, columns = world(SeirModel, n=60)
    home, work = channels.venues.settings
    mixed = dataclasses.replace(home, mixing=np.full((3, 3), 256), size=np.ones(21, dtype=np.int64))
    venues = Venues.of([mixed, work])
    with pytest.raises(EnsembleObstacle, match="people of home mix by age"):
        lane_model((graph, parameters, VenueChannels(venues, channels.links), columns), 5)
