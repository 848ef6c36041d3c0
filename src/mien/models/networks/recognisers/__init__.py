"""Face recognisers: identity embeddings."""
