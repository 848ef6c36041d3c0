"""Identity of tracks: looks, templates, and the people that they make."""
