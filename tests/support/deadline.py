"""The one deadline of tests that wait for an event in another thread or process."""

DEADLINE_S = 120.0
"""Generous: a test passes with eight busy processes beside it, and one that fails still ends."""
