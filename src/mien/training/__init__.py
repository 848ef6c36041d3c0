"""Training of what mien learns itself. Needs the extra `train`; nothing here runs when a face is swapped."""
