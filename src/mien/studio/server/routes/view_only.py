"""Mark of connections that may watch and nothing else."""

VIEW_ONLY = "mien.view-only"
"""Key in the state of a connection that may watch the labelled picture alone: what lies before the label is not for it."""
