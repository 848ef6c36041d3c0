"""Notes of a job as the page gets them."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from mien.batch.queue.store import JobStore
from mien.studio.session.job_facts import JobFacts, notes_of
from mien.studio.session.told import told, told_of_photo
from mien.types import Landmarks, Note, PhotoFault, SourceFace
from tests.support.queues import a_job


def test_notes_carry_their_key_and_the_names_that_people_gave(tmp_path: Path) -> None:
    store = JobStore(tmp_path)
    (number,) = store.add([a_job("holiday.avi")])
    job = replace(store.get(number), name="holiday.avi", output=str(tmp_path / "result.avi"))
    store.close()
    facts = JobFacts(tmp_path / "input.avi", picture=False, title="holiday-mien.avi", mapped=False)
    note = Note.of("no-chapters", "{name} cannot hold the chapters: left out", name="result.avi")
    report = {
        "notes": [note, "input.avi is odd", 3],
        "note_keys": [{"key": note.key, "values": note.values}, None],
    }
    assert notes_of(report, job, facts) == [
        {
            "text": "holiday-mien.avi cannot hold the chapters: left out",
            "key": "no-chapters",
            "values": {"name": "holiday-mien.avi"},
        },
        {"text": "holiday.avi is odd", "key": "", "values": {}},
        {"text": "3", "key": "", "values": {}},
    ]
    assert notes_of({"notes": "none"}, job, facts) == []
    assert notes_of({}, job, facts) == []


def test_faults_of_a_photo_are_told_by_their_names() -> None:
    rotated = Note.of("photo-rotated", "a photo is upside down")
    source = SourceFace(
        np.zeros((4, 4, 3), np.uint8),
        Landmarks(np.zeros((478, 3), np.float32), 1.0),
        "a",
        warnings=(rotated, "the eyes are closed", "something else"),
        faults=(PhotoFault("eyes", 0.3, "the eyes are closed"),),
    )
    assert [each["key"] for each in told_of_photo(source)] == ["photo-rotated", "photo-eyes", ""]
    assert told("plain") == {"text": "plain", "key": "", "values": {}}
