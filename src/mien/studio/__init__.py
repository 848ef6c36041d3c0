"""The studio: a local web page, and the server behind it."""
