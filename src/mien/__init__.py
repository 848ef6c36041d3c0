"""mien: one-photo face swapping in real time, on the person's own machine, always labelled."""

__version__ = "0.1.0"
