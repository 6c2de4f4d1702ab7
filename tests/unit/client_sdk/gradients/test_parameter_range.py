"""How far parameters may go before a word of a gradient could wrap."""

import numpy as np
import pytest

from client_sdk.gradients.parameter_range import ParameterRange
from protocols.errors import OutOfRange
from protocols.models.chain.hazard_factor import REDUCTION
from protocols.models.gradient import Gradient, HazardReduction
from tests.epidemics import relaxed_parameters

CLIP, BITS, STEPS, CELLS = 2.0, 16, 3, (9, 9)


@pytest.fixture
def manifest(manifest_of, seir):
    """Return the manifest of an adjoint run of three agents in two cells."""
    model = seir(beta=(2**36, 2**35), cell_beta=2**38, initial=2**31)
    gradient = Gradient(
        way="adjoints",
        parameters=(*relaxed_parameters(model), REDUCTION),
        value_bits=BITS,
        tangent_bits=BITS,
        clip=CLIP,
        reduction=HazardReduction(begin=0, end=9, share=0.25),
    )
    given = {"model": model, "steps": STEPS, "cells": CELLS, "engine": True, "gradient": gradient}
    return manifest_of([(0,), (1, 2)], min_cohort=2, **given)


def test_parameters_may_go_to_the_ends_of_their_ranges_and_no_further(manifest):
    known = ParameterRange.of(manifest.model, manifest.gradient)
    share = known.names.index(REDUCTION)
    assert (known.low[share], known.high[share]) == (-0.25, 0.75)
    for end in (known.low, known.high):
        assert np.isfinite(end).all()
        known.require(end, step=0)
        for place, name in enumerate(known.names):
            beyond = end.copy()
            beyond[place] += np.sign(end[place]) * 1e-6 * (known.high - known.low)[place]
            with pytest.raises(OutOfRange, match=f"(?s)announced {name.split('[')[0]}.* in step 2; it must lie"):
                known.require(beyond, step=2)
    assert (known.low <= 0).all()
    assert (known.high >= 0).all()
