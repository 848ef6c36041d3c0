"""The face mesh and what is computed from it: landmark sets, texels, pose, gaze, lighting, sharpness."""
