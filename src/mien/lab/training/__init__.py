"""Makers of the assets and weights that the project ships; nothing here runs when a face is swapped."""
