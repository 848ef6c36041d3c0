"""Models and other things that a worker's jobs share are opened once, and the least used goes first."""

from mien.assembly.jobs.models import Shelf


def test_a_shelf_keeps_what_was_used_last() -> None:
    shelf: Shelf[str] = Shelf(2)
    assert shelf.get("a") is None
    assert shelf.put("a", "A") == "A"
    shelf.put("b", "B")
    assert shelf.get("a") == "A"
    shelf.put("c", "C")
    assert (shelf.get("a"), shelf.get("b"), shelf.get("c")) == ("A", None, "C")
