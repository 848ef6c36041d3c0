"""Run of `mien people`: look through the films, write the folder, say who was found."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from mien.assembly import factory, registry
from mien.assembly.cast_plan import EMBEDDED_RECOGNISER
from mien.assembly.people_folder import CONTACT_NAME, PeopleFolder, facts, length, times
from mien.assembly.people_search import PeopleFound, PeopleSearch
from mien.batch.job import Progress
from mien.commands.progress import shown_progress
from mien.commands.swap_plan import print_notes
from mien.models.library.store import Store
from mien.settings import Settings
from mien.system.printable import printable

_LISTED = 12  # people that are listed on the terminal; the contact sheet has all


def run_people(
    films: Sequence[Path],
    output: Path,
    settings: Settings,
    recogniser_name: str = EMBEDDED_RECOGNISER,
    *,
    overwrite: bool,
    quiet: bool,
) -> int:
    """Find the people and write the folder; return the exit code. Raises a `MienError`; then nothing is written."""
    console = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)
    folder = PeopleFolder(output, overwrite=overwrite)
    folder.check()
    store = Store()
    models = factory.open_models(settings, store)
    registry.choose(settings, store, ("detector",))
    recogniser = factory.open_recogniser_called(recogniser_name, models.sessions)
    with _Shown(console, films, quiet=quiet) as shown:
        search = PeopleSearch(models, recogniser, settings, shown.report, recogniser_name=recogniser_name)
        search.check(films)
        found = search.run(films)
    folder.write(found)
    print_notes(console, found.notes)
    if not quiet:
        _print(console, found, output)
    return 0


class _Shown:
    """Progress of each film after the other."""

    def __init__(self, console: Console, films: Sequence[Path], *, quiet: bool) -> None:
        self._console, self._films, self._quiet = console, films, quiet
        self._stack = ExitStack()
        self._current = -1

    def __enter__(self) -> "_Shown":
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def report(self, film: int, step: Progress) -> None:
        if film != self._current:
            self._stack.close()
            name = self._films[film].name
            self._report = self._stack.enter_context(shown_progress(self._console, name, quiet=self._quiet, doing="looking at"))
            self._current = film
        self._report(step)


def _print(console: Console, found: PeopleFound, output: Path) -> None:
    people = found.roster.people
    films = f"{len(found.roster.films)} files" if len(found.roster.films) > 1 else "the file"
    console.print(f"{len(people)} {'people' if len(people) > 1 else 'person'} in {films}")
    for person in people[:_LISTED]:
        console.print(f"  {person.number:3}  {facts(person)}")
    if len(people) > _LISTED:
        console.print(f"  and {len(people) - _LISTED} more")
    if found.roster.unknown:
        seconds = sum(each.end_s - each.start_s for each in found.roster.unknown)
        console.print(f"unknown, too small or too turned to tell who: {length(seconds)} in all")
        for line in times(found.roster.unknown, found.roster, 90)[:_LISTED]:
            console.print(f"       {line}")
    name = escape(printable(str(output)))
    console.print(f"see {name}/{CONTACT_NAME}; correct {name}/people.toml by hand")
