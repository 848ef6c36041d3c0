"""Faces of no one person, mixed out of many portraits: the assets of `mien.assembly.stand_ins`."""
