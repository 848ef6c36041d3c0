"""What the machine provides: folders, child processes, a database, optional packages."""
