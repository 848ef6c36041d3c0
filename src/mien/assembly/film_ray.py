"""Chains of a film made by a Ray cluster: one actor a share of a machine, which keeps its kernels and models' files warm.

Nothing but names goes through Ray: the place of the film has to be one that every machine sees under the same name. Everyone
who can reach an open cluster can run programs on it, so one without a token is used on this machine only.
"""

import importlib
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from ipaddress import ip_address
from threading import Event
from typing import Any
from urllib.parse import urlsplit

from mien.assembly.chain_queue import MOST_TRIES, NOT_YET_PERIOD_S, ChainQueue, Doubled, Given, PartFailed
from mien.assembly.film_chains import Chain
from mien.assembly.film_job import make_parts, open_job
from mien.errors import Cancelled, MienError, OutputError, UsageError
from mien.system.extras import install_command

_IN_FLIGHT = 2  # chains an actor has: the next one is there when one ends
_LOOK_PERIOD_S = 1.0  # for a stop
_CORES_A_WORKER = 2  # one process decodes, tracks, swaps and encodes side by side, and keeps two cores busy
_ANSWER_S = 120.0  # for an actor to start on a machine that is busy: 45 s were seen


class RayCluster:
    """Executor with the actors of a cluster: that at `address`, or one of this machine with that many `workers`.

    The constructor raises `UsageError` for an address without a token, and without the extra `farm`.
    """

    def __init__(self, address: str | None = None, workers: int = 1, environment: Mapping[str, str] = os.environ) -> None:
        if address is not None and not _is_here(address) and not has_token(environment):
            raise UsageError(
                f"{address} would be used without a token: everyone who reaches it could run programs there",
                "start the cluster with RAY_AUTH_MODE=token, and name its token in RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH",
            )
        if importlib.util.find_spec("ray") is None:
            raise UsageError("Ray is not installed", install_command("farm"))
        self._address = address
        self._workers = workers

    def run(self, place: str, chains: Sequence[Chain], done: Callable[[Chain], None], cancel: Event) -> Doubled:
        """Make the chains; a worker that dies is started again, and its chain, too."""
        # Ray lowers the priority of its workers by 15 unless told otherwise: on a busy machine they starve.
        os.environ.setdefault("RAY_worker_niceness", "0")
        ray = importlib.import_module("ray")
        try:
            if self._address is None:
                ray.init(num_cpus=self._workers, include_dashboard=False, log_to_driver=False, logging_level="error")
            else:
                ray.init(self._address, log_to_driver=False, logging_level="error")
        except (ray.exceptions.RayError, OSError, RuntimeError, ValueError) as error:
            raise OutputError(f"the Ray cluster cannot be used: {error}", "check its address, token and version") from error
        try:
            queue = ChainQueue(chains, done)
            _Run(ray, place, self._count(ray), self._address is None, queue, cancel).make()
            return queue.doubled
        finally:
            ray.shutdown()

    def _count(self, ray: Any) -> int:
        if self._address is None:
            return self._workers
        return max(1, int(ray.cluster_resources().get("CPU", 0)) // _CORES_A_WORKER)


def has_token(environment: Mapping[str, str]) -> bool:
    """Return True where Ray will show a token, by its variables."""
    named = environment.get("RAY_AUTH_TOKEN") or environment.get("RAY_AUTH_TOKEN_PATH")
    return bool(named) and environment.get("RAY_AUTH_MODE", "token").lower() == "token"


class _Run:
    """One run of a cluster's actors over the chains of a film."""

    def __init__(self, ray: Any, place: str, workers: int, here: bool, queue: ChainQueue, cancel: Event) -> None:
        self._ray = ray
        self._place = place
        self._queue = queue
        self._cancel = cancel
        kind = ray.remote(num_cpus=1 if here else _CORES_A_WORKER, max_restarts=-1, max_task_retries=MOST_TRIES - 1)(_Maker)
        self._makers = [kind.remote() for _ in range(workers)]
        self._running: dict[Any, tuple[Given, Any]] = {}

    def make(self) -> None:
        """Make the chains. Raises `Cancelled` and `PartFailed`."""
        try:
            while not self._queue.ended:
                self._hand_out()
                ready, _ = self._ray.wait(list(self._running), num_returns=1, timeout=_LOOK_PERIOD_S)
                if self._cancel.is_set():
                    raise Cancelled("stopped; parts that were finished stay")
                for each in ready:
                    given, _ = self._running.pop(each)
                    if self._result(each, given):
                        self._queue.made(given)
        finally:
            # An actor at a chain that is made already ends here, too.
            for maker in self._makers:
                self._ray.kill(maker)

    def _hand_out(self) -> None:
        busy = Counter(maker for _, maker in self._running.values())
        for most in range(1, _IN_FLIGHT + 1):
            for maker in self._makers:
                if busy[maker] >= most or not (self._queue.has_waiting() or not busy[maker]):
                    continue
                if (given := self._queue.take()) is None:
                    return
                busy[maker] += 1
                chain = given.chain
                task = maker.make.remote(self._place, chain.first, chain.last, given.second)
                self._running[task] = given, maker

    def _result(self, task: Any, given: Given) -> bool:
        """Return True when the chain is made, False where it has to be tried again."""
        try:
            exit_code, message, remedy = self._ray.get(task, timeout=_ANSWER_S)
        except self._ray.exceptions.RayError:
            exit_code, message, remedy = -1, "", ""
        if not exit_code:
            return True
        try:
            wait = self._queue.failed(given, exit_code)
        except PartFailed as failed:
            if message:
                failed.args, failed.remedy = (f"part {given.chain.name}: {message}",), remedy
            raise
        if wait:
            self._cancel.wait(NOT_YET_PERIOD_S)
        return False


class _Maker:
    """Maker of chains inside a worker of the cluster."""

    def make(self, place: str, first: int, last: int, second: bool) -> tuple[int, str, str]:
        """Make the parts; return exit code, message and remedy: errors of mien do not survive the way back."""
        try:
            make_parts(open_job(place), first, last, second=second)
        except MienError as error:
            return error.exit_code or 1, str(error), error.remedy or ""
        return 0, "", ""


def _is_here(address: str) -> bool:
    host = urlsplit(address if "://" in address else f"ray://{address}").hostname or ""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
