"""Search of a whole film for faces to hide: sightings, paths of faces, regions to cover in each frame."""
