"""The machine: folders, child processes, a database, optional packages."""
