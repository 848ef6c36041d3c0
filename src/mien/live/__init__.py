"""The live loop: threads between a camera and the sinks."""
