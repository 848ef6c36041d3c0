"""Check of a call from the other side: mien's mark and label live, words of the moment, notes. Evidence, no verdict."""
