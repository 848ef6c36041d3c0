"""Memory of a track: appearance, lighting and occlusion over time."""
