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
"""

import fcntl
import functools
import os
import threading
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from trifid.errors import InputError, RunError
from trifid.fetch import journal
from trifid.fetch.cutouts import Cutouts
from trifid.fetch.lists import match, told, write_matches
from trifid.fetch.local import Source
from trifid.fetch.manifest import NO_CUTOUTS, Planned, manifest, plan, write_manifest
from trifid.fetch.polite import Stopped
from trifid.fetch.remote import Unavailable
from trifid.fetch.rows import Ask, Wanted, gather, write_catalogue
from trifid.fetch.volume import Volume, estimate, refuse_if_too_large
from trifid.files import read_json, remove_leftovers, sha256_file, write_json, write_text
from trifid.progress import progress
from trifid.surveys.sdss_paths import Release

CATALOGUE, MANIFEST, ABOUT = "catalogue.parquet", "manifest.parquet", "fetch.json"
_PAGES = ".pages"


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
) -> pa.Table:
    """The catalogue of a fetch: asked for, or as it lies in the folder.

    Of listed objects it has the spectra that are taken: of several near a place the nearest.

    Raises:
        InputError: If the service does not answer or nothing is selected.
    """
    path = out / CATALOGUE
    if path.is_file():
        return pq.read_table(path)
    write_text(out / "query.sql", wanted.sql())
    try:
        table = gather(wanted, ask, out / _PAGES)
    except Unavailable as error:
        raise InputError(f"the catalogue service gave no answer: {error}") from None
    if wanted.listed.rows:
        matches = match(wanted.listed, table)
        write_matches(out / "matches.csv", matches, table)
        say(told(matches, wanted.listed.radius))
        taken = {item.taken for item in matches if item.taken is not None}
        table = table.take(pa.array(sorted(taken), pa.int64()))
    table = table.slice(0, wanted.limit)
    if not table.num_rows:
        raise InputError("no object meets the selection; see query.sql in the folder")
    write_catalogue(path, table)
    return pq.read_table(path)


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
    """

    catalogue: pa.Table
    release: Release
    out: Path
    choice: Choice


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
    out, choice = job.out, job.choice
    planned = plan(
        job.catalogue,
        job.release,
        lite=choice.lite,
        images=choice.images,
        cutouts=choice.cutouts,
    )
    paths = sorted({path for item in planned for path in item.paths})
    there = [path for path in paths if (out / path).is_file()]
    before = _manifest_hashes(out / MANIFEST) | journal.noted(out)
    hashes = dict(_hashed(there, out, before, choice.workers))
    todo = [path for path in paths if path not in hashes]
    volume = estimate(todo, source, out, lite=choice.lite)
    if todo:
        say(f"to fetch: {volume}")
    refuse_if_too_large(volume, out)
    kept, reasons = len(hashes), dict[str, str]()
    try:
        with (
            progress("fetch", len(todo), unit="files") as advance,
            journal.noting(out) as note,
        ):
            bring = functools.partial(_bring, source, out, note)
            for path, digest, reason in _each(bring, todo, choice.workers, stop):
                if digest:
                    hashes[path] = digest
                else:
                    reasons[path] = reason
                advance(1)
    finally:
        table = manifest(job.catalogue, planned, hashes, reasons)
        if len(hashes) > kept:
            os.sync()  # the manifest speaks of files that are on disk
        write_manifest(out / MANIFEST, table)
        journal.forget(out)
    return FetchSummary(
        out=out,
        objects=_counted(table),
        fetched=len(hashes) - kept,
        kept=kept,
        reasons=dict(Counter(_reasons(planned, reasons)).most_common()),
        volume=volume,
    )


def _bring(
    source: Source, out: Path, note: Callable[[str, str], None], path: str
) -> tuple[str, str, str]:
    """Brings a file: its path, and its hash or why it cannot be had."""
    target = out / path
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        source.fetch(path, target)
    except Unavailable as error:
        return path, "", str(error)
    digest = sha256_file(target)
    note(path, digest)
    return path, digest, ""


def _each(bring: Any, paths: Sequence[str], workers: int, stop: threading.Event) -> Iterable[Any]:
    """Brings files in threads, a few under way at a time; an error or Ctrl-C ends all of them."""
    with ThreadPoolExecutor(workers, thread_name_prefix="fetch") as pool:
        running: set[Future[Any]] = set()
        try:
            for path in paths:
                if len(running) >= 2 * workers:
                    done, running = wait(running, return_when=FIRST_COMPLETED)
                    yield from (future.result() for future in done)
                running.add(pool.submit(bring, path))
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


def _hashed(
    paths: Sequence[str], out: Path, before: dict[str, str], workers: int
) -> Generator[tuple[str, str]]:
    """Hashes of files that are there; one that is not as it was noted goes."""

    def one(path: str) -> tuple[str, str]:
        target = out / path
        digest = sha256_file(target)
        if before.get(path) != digest:
            target.unlink()
            return path, ""
        return path, digest

    with ThreadPoolExecutor(workers) as pool:
        yield from ((path, digest) for path, digest in pool.map(one, paths) if digest)


def _manifest_hashes(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    table = pq.read_table(path, columns=["paths", "sha256"])
    pairs = zip(table.column("paths").to_pylist(), table.column("sha256").to_pylist(), strict=True)
    return {name: digest for names, digests in pairs
            for name, digest in zip(names, digests, strict=True)}  # fmt: skip


def _counted(table: pa.Table) -> dict[str, int]:
    found = Counter(table.column("status").to_pylist())
    return {status: found.get(status, 0) for status in ("present", "partial", "missing")}


def _reasons(planned: Sequence[Planned], reasons: dict[str, str]) -> Generator[str]:
    yield from reasons.values()
    yield from (item.problem for item in planned if item.problem)
