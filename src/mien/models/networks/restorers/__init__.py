"""Face restorers, used by the enhance stage."""
