"""Enhancement: detail added by a restorer and carried along with the mesh."""
