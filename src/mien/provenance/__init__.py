"""Statements about what was altered, written into every file that leaves, and their verification."""
