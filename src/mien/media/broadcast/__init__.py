"""Live outputs: recordings, network streams, virtual cameras."""
