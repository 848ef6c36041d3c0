"""Face recognisers: embeddings and descriptors."""
