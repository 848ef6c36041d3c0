"""File names that Windows takes for something else."""

import re
from pathlib import PureWindowsPath

# With any ending, `con.png` too, and in any folder.
_DEVICE = re.compile(r"(CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|(COM|LPT)[0-9¹²³])", re.IGNORECASE)
_REFUSED = re.compile(r'[<>:"|?*\x00-\x1f]')


def windows_fault(path: str) -> str | None:
    """Return why Windows would not make a file of this name, None when it would.

    A name with a colon is a hidden stream of another file; trailing dots and blanks are dropped, so the file would have
    another name than was asked for; device names lead to a device.
    """
    for part in PureWindowsPath(path).parts[1 if PureWindowsPath(path).anchor else 0 :]:
        if part in {".", ".."}:
            continue
        refused = _REFUSED.search(part)
        if refused:
            return f"{part!r} holds {refused[0]!r}, which no file name may hold on Windows"
        if part.endswith((".", " ")):
            return f"{part!r} ends in a dot or blank, which Windows drops"
        if _DEVICE.fullmatch(part.partition(".")[0].rstrip()):
            return f"{part!r} is the name of a device on Windows"
    return None
