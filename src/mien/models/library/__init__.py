"""Known and installed model files: catalogue, verified store, import and download."""
