"""Quality of the swap, in numbers beside their bars, and as a report (docs/evaluate.md)."""
