"""How the project's own assets and weights are made; nothing here runs while faces are swapped."""
