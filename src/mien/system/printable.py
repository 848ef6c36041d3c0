"""Text from outside, made fit for a terminal."""


def printable(text: str) -> str:
    """Return the text as one line, with U+FFFD for what moves the cursor or cannot be written: names may hold anything."""
    line = " ".join(text.splitlines())
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in line)
