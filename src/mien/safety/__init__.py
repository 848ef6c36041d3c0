"""Decisions about what may be shown: content check, guard, confirmation, veil."""
