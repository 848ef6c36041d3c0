"""Face tracking from frame to frame, with the detectors that start and check a track."""
