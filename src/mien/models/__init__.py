"""Model files: their formats, the networks, the runtime and the library of installed files."""
