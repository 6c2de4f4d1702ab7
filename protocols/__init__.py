"""What all parties must agree on."""

__version__ = "0.2.0"
