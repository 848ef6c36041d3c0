"""Queue of file jobs that survives its programs: what is to be done, by whom it is done, what came of it."""
