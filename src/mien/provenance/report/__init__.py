"""Report on a file for people who have to hand it on: identity, credentials, declarations, history, mark by the second."""
