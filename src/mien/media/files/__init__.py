"""Pictures, videos and animations on disk: readers, writers, streams, atomic outputs."""
