"""Occlusion and region masks."""
