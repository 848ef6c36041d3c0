"""Stages of the main path; each is one pure function or one small class."""
