"""Signing keys, certificates and the key store."""
