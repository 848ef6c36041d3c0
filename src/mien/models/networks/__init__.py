"""Network adapters: each turns pictures into tensors and outputs into values of `types`."""
