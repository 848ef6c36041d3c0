"""Border of the live loop: what it reports to the session that runs it."""

from mien.live.frame_swapper import Shown


class LoopListener:
    """Receiver of what the loop reports, in the loop's threads: no method may block. This one ignores everything."""

    @property
    def wants_before(self) -> bool:
        """Return True when frames are to carry a copy of the picture as it was."""
        return False

    @property
    def wants_classes(self) -> bool:
        """Return True when frames are to carry a copy with the parser's classes drawn over it."""
        return False

    def changed(self) -> None:
        """Note that a status of the loop may have changed."""

    def shown(self, shown: Shown) -> None:
        """Take a frame that goes to the sinks; called for each, in the swapping thread."""

    def fingerprint(self, fingerprint: int) -> None:
        """Take the fingerprint of a frame that leaves; called once a second, in the inspecting thread."""


NOBODY = LoopListener()
