"""Pixel operations without faces: geometry, colour, grain, YUV, HDR, drawing. Pure functions, no state."""
