"""Write docs/openapi.json out of the code: `.venv/bin/python scripts/openapi.py`. A test holds that it is up to date."""

import json
import tempfile
from pathlib import Path
from typing import Any

from mien.provenance.trust import Signing, open_trust
from mien.settings import Settings
from mien.studio.server.access import Access
from mien.studio.server.app import make_app
from mien.studio.session.session import StudioSession

FILE = Path(__file__).parent.parent / "docs" / "openapi.json"


def written(description: dict[str, Any]) -> str:
    """Return the text of the file for a description."""
    return json.dumps(description, indent=1, ensure_ascii=False) + "\n"


def main() -> None:
    """Write the file."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        session = StudioSession(Settings(), open_trust(data, Signing()), data, data, data, shared=False)
        FILE.write_text(written(make_app(session, Access(0)).openapi()), "utf-8")


if __name__ == "__main__":
    main()
