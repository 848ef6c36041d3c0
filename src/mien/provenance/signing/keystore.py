"""Store of the system for secrets, through the package `keyring` where that is installed and finds one that answers."""

import importlib.util
import subprocess
from dataclasses import dataclass

from mien.errors import KeyUnavailable
from mien.system.programs import environment, python_module

_SERVICE = "mien"
_UNLOCK_TIMEOUT_S = 10.0  # time for the user to unlock the store


@dataclass(frozen=True, slots=True)
class KeyStore:
    """Store of short texts by name.

    Each request runs in a process of its own: a locked store may ask a question in a window that is not seen, and a thread
    that waits for it cannot be stopped.
    """

    timeout_s: float = _UNLOCK_TIMEOUT_S

    def keep(self, name: str, secret: str) -> bool:
        """Store `secret` and read it back; return False when there is no store, or none that answers."""
        try:
            return self._ask("set", name, secret) is not None and self.secret(name) == secret
        except KeyUnavailable:
            return False

    def secret(self, name: str) -> str | None:
        """Return the secret stored under `name`; None for an unknown name. Raises `KeyUnavailable` when no store answers."""
        answer = self._ask("get", name, "")
        return None if answer is None else answer.strip() or None

    def forget(self, name: str) -> None:
        """Remove the secret stored under `name`, if it is there. Raises `KeyUnavailable` when no store answers."""
        self._ask("del", name, "")

    def _ask(self, verb: str, name: str, secret: str) -> str | None:
        if importlib.util.find_spec("keyring") is None:
            raise KeyUnavailable(
                "the key file is missing, and reading this system's key store needs the package keyring",
                "restore the key file from a backup, or install keyring if the key was made with it",
            )
        command = python_module("keyring", verb, _SERVICE, name)
        try:
            done = subprocess.run(
                command, input=secret, capture_output=True, text=True, timeout=self.timeout_s, env=environment(), check=False
            )
        except subprocess.TimeoutExpired:
            raise KeyUnavailable("this system's key store does not answer", "unlock it and try again") from None
        except OSError as error:
            raise KeyUnavailable(f"this system's key store cannot be read: {error}", "try again") from error
        return done.stdout if done.returncode == 0 else None
