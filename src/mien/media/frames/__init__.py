"""Decoded frames: colour space, interlacing, orientation, alpha, fitting, differences between PyAV versions."""
