"""Live inputs: cameras, screens, network streams, looped files, microphones."""
