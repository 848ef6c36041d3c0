"""Embedded networks that onnxruntime opens, without the GIL, while other work holds it."""

from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self

from mien.contracts import AgeEstimator, HandFinder, Harmoniser, Parser
from mien.models.library.store import Store
from mien.models.networks.age_net import AgeNet
from mien.models.networks.finish_net import FinishNet
from mien.models.networks.hands.finder import HandNets
from mien.models.networks.hands.hand_joints import HandJoints
from mien.models.networks.hands.palms import PalmDetector
from mien.models.networks.parser_net import ParserNet
from mien.models.runtime.onnx_session import OnnxSession


class EmbeddedNetworks:
    """Networks that every run needs, being opened by a thread, which has ended when the `with` is left.

    Each is asked for by its name, which raises its `ModelError`.
    """

    def __init__(self, store: Store) -> None:
        self._pool = ThreadPoolExecutor(1, "open")
        self._finisher = self._pool.submit(lambda: FinishNet(OnnxSession("finish", store.read("finish"))))
        self._ages = self._pool.submit(lambda: AgeNet(OnnxSession("age_112", store.read("age_112"))))
        self._parser = self._pool.submit(lambda: ParserNet(OnnxSession("parser", store.read("parser"))))
        self._hands = self._pool.submit(open_hand_finder, store)

    def finisher(self) -> Harmoniser:
        """Wait for the network that matches colours."""
        return self._finisher.result()

    def ages(self) -> AgeEstimator:
        """Wait for the estimate of ages."""
        return self._ages.result()

    def parser(self) -> Parser:
        """Wait for the parts of faces."""
        return self._parser.result()

    def hand_finder(self) -> HandFinder:
        """Wait for both networks of hands."""
        return self._hands.result()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._pool.shutdown(cancel_futures=True)


def open_hand_finder(store: Store) -> HandFinder:
    """Open both networks of hands; raises a `ModelError`."""
    palms = PalmDetector(OnnxSession("palm_192", store.read("palm_192")))
    return HandNets(palms, HandJoints(OnnxSession("hand_224", store.read("hand_224"))))
