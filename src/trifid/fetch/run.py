"""A fetch from start to end: catalogue, plan, files, manifest; stopped anywhere, it goes on.

    query.sql          what was asked
    catalogue.parquet  a row for each spectrum, columns with units and descriptions
    matches.csv        what each row of the lists matched, where lists are given
    cuts.csv           rows left after each cut, by class, beside the paper's number
    manifest.parquet   a row for each object: files, hashes, status, reason
    dr17/...           files as the archive has them
    pictures/, hips/   cutouts around each object, where they are asked for
    fetch.json         the command; another one needs another folder

The files in their places are the state: each one is renamed there once it is whole and right, and
its hash is noted; one whose bytes have another hash, or none that is noted, is fetched again.
Catalogue, plan and manifest go through memory a part at a time.
"""

import fcntl
import functools
import os
import threading
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from trifid.errors import InputError, RunError
from trifid.fetch.catalogue import Catalogue, write_catalogue, write_parts
from trifid.fetch.cutouts import Cutouts
from trifid.fetch.ledger import Ledger
from trifid.fetch.lists import match, told, write_matches
from trifid.fetch.local import Source
from trifid.fetch.manifest import COLUMNS, NO_CUTOUTS, SCHEMA, Planned, manifest, plan
from trifid.fetch.polite import Stopped
from trifid.fetch.remote import Unavailable
from trifid.fetch.rows import Ask, Wanted, gather, schema_of
from trifid.fetch.volume import Volume, estimate, refuse_if_too_large
from trifid.files import read_json, remove_leftovers, sha256_file, write_json, write_text
from trifid.progress import progress
from trifid.surveys.sdss_paths import Release

CATALOGUE, MANIFEST, ABOUT = "catalogue.parquet", "manifest.parquet", "fetch.json"
_PAGES = ".pages"
_KEYS = ("specobjid", "bestobjid", "plate", "mjd", "fiberid", "ra", "dec")


@dataclass(frozen=True)
class Choice:
    """What is brought of each object.

    Attributes:
        images: Frames in five bands.
        lite: Spectra without single exposures.
        workers: Files at a time.
        cutouts: Pictures and images of services.
    """

    images: bool = True
    lite: bool = True
    workers: int = 4
    cutouts: Cutouts = NO_CUTOUTS


@dataclass(frozen=True)
class FetchSummary:
    """What a fetch brought.

    Attributes:
        out: The folder.
        objects: How many of each status: present, partial, missing.
        fetched: Files brought by this run.
        kept: Files that were there before.
        reasons: Why files are missing, with how many.
        volume: What was expected to come.
    """

    out: Path
    objects: dict[str, int]
    fetched: int
    kept: int
    reasons: dict[str, int]
    volume: Volume


@contextmanager
def one_at_a_time(out: Path) -> Generator[None]:
    """Makes the folder and holds it for this process.

    Raises:
        RunError: If another process fetches into it.
    """
    out.mkdir(parents=True, exist_ok=True)
    with (out / ".lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise RunError(f"{out} is being fetched into by another process") from None
        remove_leftovers(out)
        yield


def begin(out: Path, about: dict[str, Any]) -> None:
    """Notes the command in the folder, or finds it begun by the same one.

    Raises:
        RunError: If the folder holds another fetch, or something else.
    """
    path = out / ABOUT
    if path.is_file():
        held = read_json(path)
        other = sorted(key for key in {*held, *about} if held.get(key) != about.get(key))
        if other:
            raise RunError(
                f"{out} holds another fetch ({', '.join(other)} differ): give another folder"
            )
    elif any(entry.name != ".lock" for entry in out.iterdir()):
        raise RunError(f"{out} is not empty: give another folder")
    else:
        write_json(path, about)


def fetch_catalogue(
    wanted: Wanted, ask: Ask, out: Path, say: Callable[[str], object] = lambda _: None
) -> Catalogue:
    """The catalogue of a fetch: asked for, or as it lies in the folder.

    Of listed objects it has the spectra that are taken: of several near a place the nearest.

    Raises:
        InputError: If the service does not answer or nothing is selected.
    """
    catalogue = Catalogue(out / CATALOGUE)
    if catalogue.path.is_file():
        return catalogue
    write_text(out / "query.sql", wanted.sql())
    rows = Catalogue(out / _PAGES / "rows.parquet")
    rows.path.parent.mkdir(exist_ok=True)
    try:
        write_parts(rows.path, gather(wanted, ask, out / _PAGES), schema_of(wanted))
    except Unavailable as error:
        raise InputError(f"the catalogue service gave no answer: {error}") from None
    taken = None
    if wanted.listed.rows:
        keys = rows.read(*_KEYS)
        matches = match(wanted.listed, keys)
        write_matches(out / "matches.csv", matches, keys)
        say(told(matches, wanted.listed.radius))
        found = sorted({item.taken for item in matches if item.taken is not None})
        taken = set(found[: wanted.limit])
    if not (len(rows) if taken is None else taken):
        raise InputError("no object meets the selection; see query.sql in the folder")
    write_catalogue(catalogue.path, rows, taken)
    return catalogue


def remove_pages(out: Path) -> None:
    """Removes the answers from which the catalogue was made."""
    for page in (out / _PAGES).glob("*"):
        page.unlink()
    if (out / _PAGES).is_dir():
        (out / _PAGES).rmdir()


@dataclass(frozen=True)
class Job:
    """Files to be brought.

    Attributes:
        catalogue: As `fetch_catalogue` gives it.
        release: Where the archive keeps them.
        out: The folder.
        choice: What to bring.
        ledger: What is known of the files.
        addresses: Of the cutouts of rows of the catalogue, by their paths.
    """

    catalogue: Catalogue
    release: Release
    out: Path
    choice: Choice
    ledger: Ledger
    addresses: Callable[[pa.Table], Mapping[str, str]] = lambda _: {}


def fetch_files(
    job: Job, source: Source, stop: threading.Event, say: Callable[[str], None]
) -> FetchSummary:
    """Brings the files of a catalogue and writes the manifest.

    Args:
        job: Which files.
        source: Where they come from.
        stop: Ends all waiting when it is set.
        say: Told how much is to come.

    Raises:
        ConfigError: If the disk has no room.
    """
    out, choice, ledger = job.out, job.choice, job.ledger
    expect(job)
    _keep(job, stop)
    kept = ledger.here()
    volume = estimate(ledger.missing, source, out, lite=choice.lite)
    if volume.files:
        say(f"to fetch: {volume}")
    refuse_if_too_large(volume, out)
    try:
        with progress("fetch", volume.files, unit="files") as advance:
            bring = functools.partial(_bring, source, out)
            for path, digest, reason in _each(bring, ledger.missing(), choice.workers, stop):
                if digest:
                    ledger.arrived(path, digest)
                else:
                    ledger.failed(path, reason)
                advance(1)
    finally:
        here, reasons = ledger.here(), Counter(ledger.why())
        if here > kept:
            os.sync()  # the manifest speaks of files that are on disk
        objects, problems = write_manifest(job)
        ledger.forget()
    return FetchSummary(
        out=out,
        objects={status: objects[status] for status in ("present", "partial", "missing")},
        fetched=here - kept,
        kept=kept,
        reasons=dict((reasons + problems).most_common()),
        volume=volume,
    )


def expect(job: Job) -> None:
    """Takes up the files of all objects, and what an earlier manifest says of them."""
    for part in job.catalogue.parts(*COLUMNS):
        addresses = job.addresses(part)
        paths = (path for item in _planned(job, part) for path in item.paths)
        job.ledger.expect((path, addresses.get(path, "")) for path in paths)
    earlier = Catalogue(job.out / MANIFEST)
    if earlier.path.is_file():
        for part in earlier.parts("paths", "sha256"):
            lists = (
                part[name].combine_chunks().flatten().to_pylist() for name in part.column_names
            )
            job.ledger.note(zip(*lists, strict=True))


def write_manifest(job: Job) -> tuple[Counter[str], Counter[str]]:
    """Writes the manifest; counts objects by status, and what keeps files from having a path."""
    objects, problems = Counter[str](), Counter[str]()

    def parts() -> Iterator[pa.Table]:
        for part in job.catalogue.parts(*COLUMNS):
            planned = _planned(job, part)
            paths = list({path for item in planned for path in item.paths})
            table = manifest(part, planned, job.ledger.hashes(paths), job.ledger.reasons(paths))
            objects.update(table["status"].to_pylist())
            problems.update(item.problem for item in planned if item.problem)
            yield table

    write_parts(job.out / MANIFEST, parts(), SCHEMA)
    return objects, problems


def _planned(job: Job, part: pa.Table) -> list[Planned]:
    choice = job.choice
    return plan(part, job.release, lite=choice.lite, images=choice.images, cutouts=choice.cutouts)


def _keep(job: Job, stop: threading.Event) -> None:
    """Keeps the files that are in their places as they were noted; others that are there go."""
    check = functools.partial(_is_right, job.out)
    with progress("looking at files", len(job.ledger), unit="files") as advance:
        for path, right in _each(check, job.ledger.noted(), job.choice.workers, stop):
            if right:
                job.ledger.keep(path)
            advance(1)


def _is_right(out: Path, noted: tuple[str, str]) -> tuple[str, bool]:
    path, digest = noted
    target = out / path
    if not target.is_file():
        return path, False
    if digest and sha256_file(target) == digest:
        return path, True
    target.unlink()
    return path, False


def _bring(source: Source, out: Path, path: str) -> tuple[str, str, str]:
    """Brings a file: its path, and its hash or why it cannot be had."""
    target = out / path
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        source.fetch(path, target)
    except Unavailable as error:
        return path, "", str(error)
    return path, sha256_file(target), ""


def _each(
    function: Callable[[Any], Any], items: Iterable[Any], workers: int, stop: threading.Event
) -> Iterator[Any]:
    """Results from threads, a few under way at a time; an error or Ctrl-C ends all of them."""
    with ThreadPoolExecutor(workers, thread_name_prefix="fetch") as pool:
        running: set[Future[Any]] = set()
        try:
            for item in items:
                if len(running) >= 2 * workers:
                    done, running = wait(running, return_when=FIRST_COMPLETED)
                    yield from (future.result() for future in done)
                running.add(pool.submit(function, item))
            while running:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
        except Stopped:
            raise KeyboardInterrupt from None
        except BaseException:
            stop.set()
            raise
        finally:
            for future in running:
                future.cancel()
