"""The embedded mesh engine, which needs no network."""
