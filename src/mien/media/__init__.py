"""Adapters between files or devices and frames."""
