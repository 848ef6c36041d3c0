"""Inference sessions: the only door to onnxruntime, devices, precision, session cache."""
