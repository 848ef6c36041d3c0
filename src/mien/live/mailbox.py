"""Latest-wins slot between two threads, with a count of replaced items."""

import threading
from typing import Generic, TypeVar

T = TypeVar("T")


class Mailbox(Generic[T]):
    """Slot of at most one item, so that no delay can build up."""

    def __init__(self) -> None:
        self._item: T | None = None
        self._closed = False
        self._dropped = 0
        self._changed = threading.Condition()

    @property
    def dropped(self) -> int:
        """Return the number of items that were replaced before they were taken."""
        return self._dropped

    @property
    def is_empty(self) -> bool:
        """Return True while there is nothing to take."""
        return self._item is None

    def put(self, item: T) -> None:
        """Replace the item, without blocking; ignored once the mailbox is closed."""
        with self._changed:
            if self._closed:
                return
            if self._item is not None:
                self._dropped += 1
            self._item = item
            self._changed.notify_all()

    def take(self, timeout_s: float) -> T | None:
        """Wait for the newest item; return None when none comes in time or the mailbox is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._item is not None or self._closed, timeout_s)
            item, self._item = self._item, None
            self._changed.notify_all()
            return None if self._closed else item

    def wait_until_empty(self, timeout_s: float) -> bool:
        """Wait until the item is taken; return False when it is not in time, or the mailbox is closed."""
        with self._changed:
            return self._changed.wait_for(lambda: self._item is None or self._closed, timeout_s) and not self._closed

    def close(self) -> None:
        """Wake all that wait; nothing passes any more."""
        with self._changed:
            self._closed = True
            self._item = None
            self._changed.notify_all()
