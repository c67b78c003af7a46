"""Where schemes lie: a folder of YAML files, one scheme each, and in its `programmes/` the programmes of cities.

The shipped folder lies in the package `contracts` under `schemes/`. Whoever asks for a folder's schemes gets those of
its files and, beside them, one for each city of each programme: nobody further on needs to know which is which. A file
is a programme's when its text says `programme:`; it may lie beside the schemes, too. A door: opens files.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Final, NamedTuple

from contracts.currencies import EXPONENTS
from ledger.domain.language.document import Document, load_document
from ledger.domain.language.programme import Programme, is_programme, load_programme
from ledger.domain.language.tree import Problem, SchemeError

SHIPPED: Final = Path(str(files("contracts") / "schemes"))
PROGRAMMES: Final = "programmes"
_ENDINGS: Final = (".yaml", ".yml")


class Shelf(NamedTuple):
    """What a folder holds: schemes by id, those of cities too; and its programmes by id."""

    schemes: dict[str, Document]
    programmes: dict[str, Programme]

    def programme_of(self, scheme: str) -> str:
        """Give the programme that switches a scheme on in a city, or ""."""
        for programme in self.programmes.values():
            if any(city.scheme == scheme for city in programme.cities):
                return programme.programme
        return ""


def load_shelf(folder: Path) -> Shelf:
    """Give the schemes and programmes of a folder.

    Raises SchemeError with the problems of all files: first of the schemes, and where they are well of the programmes.
    A scheme in two files, or a folder without any, is one.
    """
    own = load_schemes(folder)
    shelf = Shelf(dict(own), {})
    problems: list[Problem] = []
    for path in [each for each in paths_of(folder) if _is_programme(each)]:
        try:
            programme = load_programme(read_text(path), str(path), own)
        except SchemeError as error:
            problems += error.problems
            continue
        twin = shelf.programmes.get(programme.programme)
        if twin is not None:
            told = f"programme {programme.programme}: stands in {twin.file} too"
            problems.append(Problem(str(path), 1, told, "keep one"))
        shelf.programmes[programme.programme] = programme
        for document in programme.documents:
            other = shelf.schemes.setdefault(document.scheme, document)
            if other != document:
                told = f"scheme {document.scheme}: stands in {other.file} too"
                problems.append(Problem(str(path), 1, told, "give the city a scheme id of its own"))
    if problems:
        raise SchemeError(problems)
    return shelf


def load_folder(folder: Path) -> dict[str, Document]:
    """Give the schemes of a folder by id, those of its programmes' cities too. Raises what `load_shelf` raises."""
    return load_shelf(folder).schemes


def load_schemes(folder: Path) -> dict[str, Document]:
    """Give the schemes of a folder's own files by id, without cities. Raises what `load_shelf` raises for them."""
    documents: dict[str, Document] = {}
    problems: list[Problem] = []
    paths = [path for path in paths_of(folder) if not _is_programme(path)]
    if not paths:
        problems.append(Problem(str(folder), 1, "folder: expected scheme files, got none", "name a folder of *.yaml"))
    for path in paths:
        try:
            document = load_file(path)
        except SchemeError as error:
            problems += error.problems
            continue
        if document.scheme in documents:
            other = documents[document.scheme].file
            problems.append(Problem(str(path), 1, f"scheme {document.scheme}: stands in {other} too", "keep one"))
        documents[document.scheme] = document
    if problems:
        raise SchemeError(problems)
    return documents


def load_file(path: Path) -> Document:
    """Give the scheme of one YAML file. Raises SchemeError with all its problems."""
    text = read_text(path)
    if is_programme(text):
        mend = "name the scheme of one of its cities"
        raise SchemeError([Problem(str(path), 1, "file: expected a scheme, got a programme", mend)])
    return load_document(text, str(path), EXPONENTS)


def load_programme_file(path: Path, folder: Path) -> Programme:
    """Give the programme of one YAML file, over the schemes of a folder. Raises SchemeError with all its problems."""
    return load_programme(read_text(path), str(path), load_schemes(folder))


def is_programme_file(path: Path) -> bool:
    """Tell whether a file is a programme's. Raises SchemeError where it cannot be read."""
    return is_programme(read_text(path))


def paths_of(folder: Path) -> list[Path]:
    """Give the YAML files of a folder and of its `programmes/`, each sorted; not those of its cases."""
    found: list[Path] = []
    for place in (folder, folder / PROGRAMMES):
        found += sorted(path for path in place.iterdir() if path.suffix in _ENDINGS) if place.is_dir() else []
    return found


def read_text(path: Path) -> str:
    """Give a file's text. Raises SchemeError where it is not there or no UTF-8."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise SchemeError([Problem(str(path), 1, "file: expected UTF-8", "save it as UTF-8")]) from error
    except OSError as error:
        raise SchemeError([Problem(str(path), 1, f"file: {error.strerror}", "name a file that is there")]) from error


def _is_programme(path: Path) -> bool:
    try:
        return is_programme_file(path)
    except SchemeError:
        return path.parent.name == PROGRAMMES  # whoever loads it says why it cannot be read
