"""Times as people type them."""

from mien.errors import UsageError


def seconds_of(text: str | None) -> float | None:
    """Return the seconds of `SS`, `MM:SS` or `HH:MM:SS`, fractions allowed; None for None. Raises `UsageError`."""
    if text is None:
        return None
    try:
        parts = [float(part) for part in text.split(":")]
    except ValueError:
        parts = []
    if not 1 <= len(parts) <= 3 or any(part < 0 or part != part or part == float("inf") for part in parts):
        raise UsageError(f"invalid time {text!r}", "write seconds (12.5), MM:SS or HH:MM:SS")
    total = 0.0
    for part in parts:
        total = total * 60 + part
    return total
