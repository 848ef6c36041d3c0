"""Training of the parser: portraits with rendered hair, beards, glasses, hands and other occluders, and their truth."""
