"""A database like one that has been in use for months: see `fill`, and README.md of loadtest."""

from loadtest.data.fill import fill
from loadtest.data.scale import Scale

__all__ = ["Scale", "fill"]
