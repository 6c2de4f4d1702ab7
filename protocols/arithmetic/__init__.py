"""Numbers that every party computes alike: fixed point, counter-based draws, shares."""
