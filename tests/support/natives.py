"""Use every native library and start every kind of child as mien does; `test_planted.py` runs this in hostile folders.

`python natives.py MODEL FAKES`: FAKES is a folder with a package `keyring`. Prints the modules that were imported, as JSON.
"""

import contextlib
import importlib
import io
import json
import sys
from pathlib import Path

import av
import cv2
import numpy as np
import psutil
from cryptography.hazmat.primitives.asymmetric import ec
from PIL import Image as Pictures

from mien.errors import KeyUnavailable
from mien.imaging.blend import blend
from mien.media.capture import devices
from mien.models.runtime import onnx_session
from mien.models.runtime.devices import DEVICES
from mien.models.runtime.probe import try_device
from mien.provenance.credentials.read import read_credentials
from mien.provenance.signing.keystore import KeyStore


def use_libraries(model: Path) -> None:
    picture = np.zeros((32, 32, 3), np.uint8)
    assert cv2.imencode(".png", picture)[0]
    Pictures.fromarray(picture).save(io.BytesIO(), "jpeg")
    ec.generate_private_key(ec.SECP256R1())
    psutil.cpu_percent()
    read_credentials(Path(__file__))
    with onnx_session.OnnxSession("yunet", model) as session:
        (name,) = session.inputs
        session.run({name: np.zeros((1, 3, 64, 64), np.float32)})
    blend(picture, picture.copy(), picture[:, :, 0].copy(), 0, 0, 0)
    with av.open(io.BytesIO(), "w", format="matroska") as container:
        stream = container.add_stream("libx264", 25)
        stream.width = stream.height = 32
        stream.pix_fmt = "yuv420p"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "bgr24")))
    with contextlib.suppress(ImportError):
        importlib.import_module("pyvirtualcam")
    devices.list_cameras()
    devices.list_microphones()
    devices.list_screens()
    devices.list_virtual_cameras()


def use_children(model: Path, fakes: Path) -> None:
    sys.path.append(str(fakes))
    with contextlib.suppress(KeyUnavailable):
        KeyStore().secret("name")
    try_device(next(device for device in DEVICES if device.name == "cuda"), model)


if __name__ == "__main__":
    use_libraries(Path(sys.argv[1]))
    use_children(Path(sys.argv[1]), Path(sys.argv[2]))
    sys.stdout.write(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
