"""The contents of a model file without running it: graph walk, ports, families, tensors."""
