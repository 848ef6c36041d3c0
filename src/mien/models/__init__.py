"""Model files: what there is, where it lies, how it is run and how it is fed."""
