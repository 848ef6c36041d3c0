"""Steps of the life of a frame; each is one pure function or one small class."""
