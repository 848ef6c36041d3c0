"""A thread that answers the newest question, so that whoever asks never waits."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Question = TypeVar("Question")
Answer = TypeVar("Answer")


class Worker(Generic[Question, Answer]):
    """One slot for the next question, one for the last answer. `work` runs in the thread and must not raise."""

    def __init__(self, name: str, work: Callable[[Question], Answer]) -> None:
        self._work = work
        self._question: Question | None = None
        self._answer: Answer | None = None
        self._busy = False
        self._stopping = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def idle(self) -> bool:
        """Whether no question waits for its answer."""
        return not self._busy

    def ask(self, question: Question) -> None:
        """Never blocks; replaces a question that nobody has begun with."""
        with self._changed:
            self._question, self._busy = question, True
            self._changed.notify()

    def answer(self) -> Answer | None:
        """What has been answered since the last call, None for nothing."""
        with self._changed:
            answer, self._answer = self._answer, None
            return answer

    def stop(self, timeout_s: float = 2.0) -> bool:
        """End the thread; False when the work holds it still: it is left behind and ends when it is let go."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while self._answers_one():
            pass

    def _answers_one(self) -> bool:
        """Wait for a question and answer it; False at the end. What it was about is not held while the next one is awaited."""
        with self._changed:
            self._changed.wait_for(lambda: self._question is not None or self._stopping)
            question, self._question = self._question, None
            if self._stopping or question is None:
                return False
        answer = self._work(question)
        with self._changed:
            self._answer, self._busy = answer, self._question is not None
        return True
