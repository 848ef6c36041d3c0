"""Sentences of a check. None of them judges: a test reads this table, too."""

SENTENCES = {
    "preface": (
        "These notes list what was seen in a call from the other side. They hold no score, and no row says whether somebody is "
        "who they seem to be. Only the host sees them; nothing was sent, and no picture was kept."
    ),
    "source": "{source}, {width} x {height} pixels, looked at for {seconds} s, from {began}.",
    "told": "The host said that the other person had been told of the check.",
    "not-asked": "A file: nobody was there to be told.",
    "mark-seen": "The picture carries mien's mark, number {number}, seen in {seen} of {looks} looks, first after {first} s.",
    "mark-recent": "carries mien's mark, number {number}, seen in {seen} of the last {looks} s",
    "mark-no-id": "The picture carries mien's mark; the number in it could not be read.",
    "mark-none": "No mark of mien was seen. That says nothing: calls wash marks out, and other programs leave none.",
    "mark-flat": "The picture had no features to look at: a black or plain picture.",
    "mark-several": "Several numbers were read: {numbers}. Between them the picture came from several runs of mien.",
    "mark-meaning": (
        "The mark says that the picture went through mien. Its key is public: anybody can lay it on any picture. It says "
        "nothing about who is there."
    ),
    "chance": (
        "By chance fewer than one look in 10^7 shows a mark that is not there; a day of looks, one a second, is 86,400."
    ),
    "badge-seen": "The AI badge of mien was seen, {corner}, in {seen} of {looks} looks.",
    "badge-none": "mien's AI badge was not seen in a corner of the picture. That says nothing: a window may cover or cut it.",
    "limits": (
        "Blinking, smiling and looking aside on request pass through a live swap: a person drives it. What helps: a call back "
        "on a number that you had before, a question that only you two can answer, a second person, no payment on the strength "
        "of a call."
    ),
    "lost": "The source ended early: {reason}",
    "mirror": "this is a picture of this installation of mien, number {number}: the check is no mirror for its own output",
    "mirror-remedy": "point the check at the picture of the other person; for your own files use mien verify",
}
"""Sentences by name."""


def phrase(sentence: str, /, **fields: object) -> str:
    """Return a sentence of the table with its fields filled."""
    return SENTENCES[sentence].format(**fields)
