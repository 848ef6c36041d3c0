"""What a photo tells of a face: which parts it shows, and in which light."""
