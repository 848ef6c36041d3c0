"""Sentences of reports and checks. None of them judges: a test reads this table for words that would.

A sentence follows one of three words: what was looked for was seen, was not seen, or cannot be told.
"""

from typing import Literal, TypeAlias

Seen: TypeAlias = Literal["seen", "not seen", "cannot tell"]
"""Finding of a row."""
SEEN: Seen = "seen"
NOT_SEEN: Seen = "not seen"
CANNOT_TELL: Seen = "cannot tell"

WORDS = {
    "title": "Report on {name}",
    "preface": (
        "This report lists what the file says of itself and what was found in it. No row says whether the picture shows what "
        "happened, and the rows do not add up to a score. What is absent can have been removed: most uploads remove it."
    ),
    "identity": "SHA-256 {sha256}, {size} bytes, examined {looked_at}.",
    "type": "By its first bytes it is {kind}.",
    "type-differs": "By its first bytes it is {kind}; its name ends in {suffix}.",
    "type-unknown": "Its first bytes belong to no format that is known here.",
    "changed": "The file changed while it was examined: examine a copy that nobody writes to.",
    "credentials-none": "No signed credentials.",
    "lists": "Compared with the {signers} ({count} signers), the {stamps} and your own roots.",
    "rubric": "In the words of C2PA's conformance programme: {sentences}.",
    "rubric-none": "C2PA's conformance programme has no sentence for it.",
    "declared": "Declarations: {count}. Anybody can write and remove them.",
    "declared-none": (
        "Nothing is declared. That says nothing: every upload, and most programs that save a file again, remove declarations."
    ),
    "source-type": "Declared source: {words}.",
    "generator": "Fields as {program} writes them.",
    "history": "How the file was written, as far as its container shows.",
    "history-none": "The container could not be read further than its type.",
    "quality-standard": "Quantisation tables as libjpeg makes them at quality {quality}: saved by a program.",
    "quality-own": "Quantisation tables of its own, as cameras and some editors have them.",
    "progressive": "Progressive coding, which cameras hardly use and platforms often do.",
    "thumbnail": "A thumbnail lies in the file. Compare it with the picture: editors do not always renew it.",
    "boxes": "Boxes in order: {boxes}.",
    "brands": "Brands: {brands}.",
    "edits": "{count} edit lists, which cut or delay what a player shows.",
    "tracks": "{count} tracks.",
    "encoder": "Encoder named in the stream: {name}.",
    "field": "{name}: {value}.",
    "keys": "Key frames {every} frames apart in the first {frames}.",
    "keys-differ": "Key frames {least} to {most} frames apart in the first {frames}: cuts by an encoder, or pieces joined.",
    "chunks": "Parts in order: {parts}.",
    "mark-all": "Seconds looked at: {count}. mien's mark was seen in all of them that have features.",
    "mark-part": "Seconds looked at: {count}. mien's mark was seen in {seen}: the rest may have been put in, or has lost it.",
    "mark-none": "Seconds looked at: {count}. mien's mark was seen in none, which says nothing.",
    "mark-ids": "Numbers: {ids}. Two numbers in one file come from two runs of mien.",
    "mark-sampled": "The file is long: {count} seconds were looked at, evenly spread over {length}.",
    "unreadable": "The pictures cannot be read: {reason}.",
    "sheet": "Pictures from the seconds that were looked at, for a search by eye.",
    "no-ela": (
        "Left out on purpose: error level analysis (it shows contrast and saving again), sensor noise (it needs the camera, "
        "and scaling removes it), and scores of networks (they fail on material that they were not trained on)."
    ),
    "looked-for": (
        "Looked for: signed credentials of any maker; XMP, IPTC, EXIF and PNG text; fields of A1111, ComfyUI, InvokeAI, "
        "NovelAI, Fooocus and of the Chinese AIGC rule; container and encoder; mien's mark; mien's ledger on this machine."
    ),
    "not-looked-for": (
        "Not looked for: SynthID (its makers' pages alone can, and asking means uploading), TrustMark, Video Seal and other "
        "marks; anything on the network."
    ),
    "signed": "Signed by {signer}; the signature lies in {name}.",
}
"""Sentences by name; fields in braces are filled with text that is escaped where it is shown."""

SOURCES = {
    "digitalCapture": "taken by a camera",
    "computationalCapture": "taken by a camera and computed from several exposures",
    "negativeFilm": "scanned from a negative",
    "positiveFilm": "scanned from a slide",
    "print": "scanned from paper",
    "minorHumanEdits": "edited a little by a person",
    "humanEdits": "edited by a person",
    "compositeCapture": "put together from captures",
    "compositeSynthetic": "put together, with generated parts",
    "composite": "put together from several sources",
    "algorithmicallyEnhanced": "enhanced by a program",
    "digitalArt": "drawn by a person with a program",
    "digitalCreation": "made by a person with a program",
    "dataDrivenMedia": "made by a program from data",
    "trainedAlgorithmicMedia": "generated by a trained model",
    "compositeWithTrainedAlgorithmicMedia": "edited with a trained model",
    "algorithmicMedia": "made by a program, not by a trained model",
    "virtualRecording": "recorded in a virtual place",
    "screenCapture": "captured from a screen",
}
"""Plain words for the digital source types of the IPTC."""


def say(sentence: str, /, **fields: object) -> str:
    """Return a sentence of the table with its fields filled."""
    return WORDS[sentence].format(**fields)


def source_words(address: str) -> str:
    """Return plain words for a digital source type, given as an address or as its last part."""
    last = address.rstrip("/").rsplit("/", 1)[-1]
    return f"{SOURCES[last]} ({last})" if last in SOURCES else last
