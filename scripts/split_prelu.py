"""Write the PReLU of an ONNX file as ReLU and scalings: `.venv/bin/python scripts/split_prelu.py OLD.onnx NEW.onnx`."""

import sys
from pathlib import Path

from mien.lab.training.prelu import without_prelu


def main() -> None:
    """Rewrite one file; the values that it computes stay the same but for rounding."""
    old, new = (Path(each) for each in sys.argv[1:])
    new.write_bytes(without_prelu(old.read_bytes()))


if __name__ == "__main__":
    main()
