"""The system's store for secrets, when the package `keyring` is installed and finds one that answers."""

import importlib.util
import subprocess
from dataclasses import dataclass

from mien.errors import KeyUnavailable
from mien.system.programs import environment, python_module

_SERVICE = "mien"
_ANSWER_S = 10.0
"""So long a person has to unlock the store."""


@dataclass(frozen=True, slots=True)
class KeyStore:
    """Keeps short texts under a name. It is asked through a process of its own: a locked store may ask a question in a
    window that nobody sees, and a thread that waits for it cannot be ended.
    """

    answer_s: float = _ANSWER_S

    def keep(self, name: str, secret: str) -> bool:
        """Store `secret` and read it back; False when there is no store, or none that answers."""
        try:
            return self._ask("set", name, secret) is not None and self.secret(name) == secret
        except KeyUnavailable:
            return False

    def secret(self, name: str) -> str | None:
        """What was kept under `name`; None when the store does not know it. Raises `KeyUnavailable` when none answers."""
        answer = self._ask("get", name, "")
        return None if answer is None else answer.strip() or None

    def forget(self, name: str) -> None:
        """Remove what was kept under `name`, if it is there."""
        self._ask("del", name, "")

    def _ask(self, verb: str, name: str, secret: str) -> str | None:
        if importlib.util.find_spec("keyring") is None:
            raise KeyUnavailable(
                "there is no key file, and this system's key store cannot be asked without the package keyring",
                "bring the key file back from a backup, or install keyring if the key was made with it",
            )
        command = python_module("keyring", verb, _SERVICE, name)
        try:
            done = subprocess.run(
                command, input=secret, capture_output=True, text=True, timeout=self.answer_s, env=environment(), check=False
            )
        except subprocess.TimeoutExpired:
            raise KeyUnavailable("this system's key store does not answer", "unlock it and try again") from None
        except OSError as error:
            raise KeyUnavailable(f"this system's key store cannot be asked: {error}", "try again") from error
        return done.stdout if done.returncode == 0 else None
