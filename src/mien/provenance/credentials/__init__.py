"""Content Credentials: signed C2PA manifests, in the file or as a receipt beside it."""
