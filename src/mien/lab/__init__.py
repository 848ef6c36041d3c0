"""Measurement and training; only commands and tests import it."""
