"""Bits of many runs in one word: what they mean, how they are computed with, and the code that does it."""
