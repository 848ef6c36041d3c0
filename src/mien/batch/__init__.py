"""Work on files, as fast as the machine allows and without losing a frame."""
