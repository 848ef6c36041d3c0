"""The source face: loading, checking, and what a photo shows of it."""
