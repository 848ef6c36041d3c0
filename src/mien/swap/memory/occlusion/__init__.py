"""Occluders of one tracked face, found from its appearance over time and from the colours that skin has."""
