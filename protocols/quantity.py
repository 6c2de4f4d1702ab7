"""How many of something there are, in words."""


def quantity(count: int, noun: str) -> str:
    """Return a count and its noun, which takes an `s` unless there is one: "1 client", "2,000 clients"."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
