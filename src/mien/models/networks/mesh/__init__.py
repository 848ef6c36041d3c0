"""The face mesh as compiled kernels: its graph read once into a table of steps, which one call walks."""
