"""The version of trifid."""

__version__ = "0.1.0"
