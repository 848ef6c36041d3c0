"""Size of what a page may send over a WebSocket."""

MAX_MESSAGE_BYTES = 8_000_000  # chosen, above a JPEG of 4K
