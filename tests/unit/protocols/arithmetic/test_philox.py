"""Draws by their key, agent, purpose and step."""

import numpy as np

from protocols.arithmetic.philox import DrawPurpose, words


def test_a_draw_depends_on_key_agent_purpose_and_step_and_on_nothing_else():
    agents = np.array([5, 2**40, 2**63 - 1], dtype=np.uint64)
    whole = words((1, 2), agents, DrawPurpose.LATENT, step=3)
    for index in (2, 0, 1):
        assert words((1, 2), agents[[index]], DrawPurpose.LATENT, step=3)[0] == whole[index]
    others = [
        words((2, 2), agents, DrawPurpose.LATENT, step=3),
        words((1, 3), agents, DrawPurpose.LATENT, step=3),
        words((1, 2), agents + np.uint64(1), DrawPurpose.LATENT, step=3),
        words((1, 2), agents, DrawPurpose.INFECTIOUS, step=3),
        words((1, 2), agents, DrawPurpose.LATENT, step=4),
    ]
    assert all((other != whole).all() for other in others)


def test_the_number_of_a_purpose_is_given_once_and_for_all():
    assert {purpose.name: int(purpose) for purpose in DrawPurpose} == {
        "THRESHOLD": 1,
        "LATENT": 2,
        "INFECTIOUS": 3,
        "INITIAL": 4,
        "CELL": 5,
        "WANING": 6,
        "SEED": 7,
        "DOSE": 8,
    }
