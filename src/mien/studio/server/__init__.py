"""The web server: routes, access control, limits, certificates."""
