"""The watermark: its pattern, its decoder, and the windows in which files are searched."""
