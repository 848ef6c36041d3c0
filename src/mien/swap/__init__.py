"""The heart: a frame in, a frame out."""
