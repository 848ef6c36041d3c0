"""How good the swap is, in numbers beside their bars, and as a report: see docs/evaluate.md."""

from mien.evaluate.measures import landmark_error, pose_error

__all__ = ["landmark_error", "pose_error"]
