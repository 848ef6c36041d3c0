"""File names that mean something else on Windows."""

import re
from pathlib import PureWindowsPath

# With any ending, such as `con.png`, and in any folder.
_DEVICE = re.compile(r"(CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|(COM|LPT)[0-9¹²³])", re.IGNORECASE)
_REFUSED = re.compile(r'[<>:"|?*\x00-\x1f]')


def windows_fault(path: str) -> str | None:
    """Return why Windows would not create a file of this name, None if it would.

    A name with a colon is a hidden stream of another file; trailing dots and blanks are dropped, so the file would get
    another name; device names open a device.
    """
    for part in PureWindowsPath(path).parts[1 if PureWindowsPath(path).anchor else 0 :]:
        if part in {".", ".."}:
            continue
        refused = _REFUSED.search(part)
        if refused:
            return f"{part!r} contains {refused[0]!r}, which Windows does not allow in file names"
        if part.endswith((".", " ")):
            return f"{part!r} ends in a dot or blank, which Windows drops"
        if _DEVICE.fullmatch(part.partition(".")[0].rstrip()):
            return f"{part!r} is the name of a device on Windows"
    return None
