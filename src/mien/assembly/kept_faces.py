"""People whose faces are to stay visible: those of photos, and of folders that `mien people` wrote."""

from collections.abc import Sequence
from pathlib import Path

from mien.assembly import factory
from mien.assembly.source_photos import read_photo
from mien.errors import NoSourceFace, SeveralSourceFaces, UsageError
from mien.models.library.store import Store
from mien.settings import Settings
from mien.swap.hiding.kept import KeptPeople
from mien.swap.people.corrections import read_people
from mien.swap.people.template import Template, template_of_photo
from mien.swap.source.load import search, settled


def open_kept(names: Sequence[str], settings: Settings) -> KeptPeople:
    """Open the people of these names: photos of one person each, or FOLDER/NUMBER of a folder of `mien people`.

    Raises a `SourceFaceError` for a photo with nobody or several people, `UsageError` for an unknown person, or a `MediaError`.
    """
    store = Store()
    models, recogniser = factory.open_models(settings, store), factory.open_recogniser(store)
    people: list[tuple[Template, ...]] = []
    for name in names:
        path = Path(name)
        if path.parent.is_dir() and not path.is_file() and (path.parent / "people.toml").is_file():
            person = read_people(path.parent).find(path.name)
            if person is None or not person.templates:
                raise UsageError(f"{path.parent} has no person {path.name} that can be told", "see its contact.jpg")
            people.append(person.templates)
            continue
        if path.is_dir() and (path / "people.toml").is_file():
            raise UsageError(f"{name} is a folder of people", f"name one of them, such as {path / '1'}")
        photo = search(read_photo(path, settings), models.photo_detector)
        if not photo.faces:
            raise NoSourceFace(f"{name}: no face was found in the photo", "use a clear photo of the person to keep")
        if len(photo.faces) > 1:
            raise SeveralSourceFaces(
                f"{name} shows {len(photo.faces)} faces, and it must be clear who is to be kept", "cut one person out of it"
            )
        first = models.landmarker.fit(photo.image, photo.faces[0].detection.points)
        landmarks = settled(photo.image, first, models.landmarker)
        people.append((template_of_photo(recogniser.describe(photo.image, landmarks)),))
    return KeptPeople(people, models.landmarker, recogniser, models.turned)
