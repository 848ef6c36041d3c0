"""End of `mien check`: the pair of words that was heard, and the list of what helps."""

import time
from pathlib import Path

from mien.check.rolling_words import MINUTE_S
from mien.check.sentences import phrase
from mien.check.word_store import WordStore
from mien.commands.check_host import Host
from mien.errors import OutputError, UsageError
from mien.provenance.report.file_report import ReportRow
from mien.provenance.report.words import CANNOT_TELL, NOT_SEEN, SEEN

_LIST = ("call-back", "question", "second", "slow")


def words_row(name: str, data: Path, host: Host) -> ReportRow:
    """Ask for the pair of words that the other side says, and return the row."""
    store = WordStore(data)
    try:
        said = _heard(store, name, host)
        if not said:
            return ReportRow("Words", CANNOT_TELL, (phrase("words-none"),))
        outcome, _, kept = store.check(name, "answerer", said, time.time())
    except (UsageError, OutputError) as error:
        # Another check has used up the tries, or the disk is full: what was seen before is noted all the same.
        return ReportRow("Words", CANNOT_TELL, (phrase("words-failed", reason=error),))
    left = (phrase("words-stopped"),) if kept.stopped else ()
    seen = SEEN if outcome == "right" else NOT_SEEN
    return ReportRow("Words", seen, (phrase(f"words-{outcome.replace(' ', '-')}"), *left))


def _heard(store: WordStore, name: str, host: Host) -> str:
    """Return the two words that were typed, '' for none: what is no pair, such as a yes, uses up no try."""
    while True:
        pair = store.running(name).secret.pair("asker", int(time.time() // MINUTE_S))
        said = host.ask_at_end(phrase("words-question", pair=pair, name=name))
        if len(said.split()) in {0, 2}:
            return said


def checklist_row(host: Host) -> ReportRow:
    """Ask for each point of the list, and return the row: what the host said, no more."""
    sentences = []
    for name in _LIST:
        words = phrase(f"list-{name}")
        answer = host.ask_at_end(f"{words} [y/n] ").lower()
        kind = "yes" if answer in {"y", "yes"} else "no" if answer in {"n", "no"} else "open"
        sentences.append(phrase(f"list-{kind}", words=words))
    return ReportRow("List", CANNOT_TELL, (*sentences, phrase("list-said")))
