"""Words of the page as its files of strings hold them."""

import re
from functools import cache

from mien.studio.server.static_files import STATIC

STRINGS = STATIC / "strings"
LANGUAGES = sorted(path.stem for path in STRINGS.glob("*.js"))
_LINE = re.compile(r"""  (?:'([^']+)'|(\w+)): (['"`])(.*)\3,""")


@cache
def words(language: str) -> dict[str, str]:
    """Return the texts of a language by key; each has a line of its own and is there once."""
    found: dict[str, str] = {}
    files = STRINGS / f"{language}.js", STRINGS / "later" / f"{language}.js"
    for line in "".join(file.read_text("utf-8") for file in files).splitlines():
        if line.startswith("  "):
            parsed = _LINE.fullmatch(line)
            assert parsed is not None, f"{language}: one key and one text a line: {line}"
            key = parsed[1] or parsed[2]
            assert key not in found, f"{language}: {key} is there twice"
            found[key] = parsed[4]
    return found
