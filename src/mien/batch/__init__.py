"""File jobs: as fast as the machine allows, without losing a frame."""
