"""CodeFormer: a restorer with a weight between fidelity to the crop and quality."""

from mien.contracts import Session
from mien.models.networks.restorers.restorer import Restorer


class CodeFormer(Restorer):
    """A `contracts.Enhancer`; `fidelity` 0..1, 1 = closest to the crop, goes to the network as float64 (1,)."""

    def __init__(self, model_id: str, session: Session, fidelity: float) -> None:
        super().__init__(model_id, "codeformer", session, (fidelity,))
