"""Rows left after each cut of a selection, by class, beside the number the paper reports."""

import csv
import io
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from trifid.errors import InputError
from trifid.fetch.catalogue import Catalogue
from trifid.fetch.rows import Ask, Wanted
from trifid.files import write_text
from trifid.surveys.sdss_query import count_query, cuts_of


@dataclass(frozen=True)
class Count:
    """Rows of one class after one cut; `published` is the paper's number, where it gives one."""

    cut: str
    name: str
    rows: int
    published: int | None = None


def count_cuts(wanted: Wanted, ask: Ask) -> list[Count]:
    """Asks the service how many rows each cut leaves, all cuts before it applied.

    Raises:
        Unavailable: If the service does not answer; counting a whole release takes it long.
    """
    cuts = cuts_of(wanted.selection, wanted.options)
    found: list[Count] = []
    for number, cut in enumerate(cuts, 1):
        text = ask(count_query(wanted.selection, wanted.options, number), _read)
        last = number == len(cuts)
        found += by_class(cut.name, _read(text), wanted, published=last)
    return found


def count_rows(catalogue: Catalogue, wanted: Wanted) -> list[Count]:
    """Rows of each class in a catalogue that was fetched."""
    column = wanted.selection.label.split(".")[1].lower()
    labels = Counter(
        str(value) for part in catalogue.parts(column) for value in part[column].to_pylist()
    )
    return by_class("fetched", labels, wanted, published=False)


def by_class(cut: str, labels: Counter[str], wanted: Wanted, *, published: bool) -> list[Count]:
    """Counts of labels as counts of the task's classes; other labels keep their own name."""
    classes: Counter[str] = Counter()
    for label, rows in labels.items():
        classes[wanted.selection.classes.get(label, label)] += rows
    paper = wanted.selection.published if published else {}
    names = sorted({*classes, *paper})
    return [Count(cut, name, classes[name], paper.get(name)) for name in names]


def write_counts(path: Path, counts: list[Count]) -> None:
    """Writes the table of counts as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["cut", "class", "rows", "published"])
    for count in counts:
        shown = "" if count.published is None else count.published
        writer.writerow([count.cut, count.name, count.rows, shown])
    write_text(path, text.getvalue())


def _read(text: str) -> Counter[str]:
    """Labels and numbers of an answer in CSV."""
    body = text.removeprefix("#Table1").replace("\r\n", "\n").lstrip("\n")
    lines = [line for line in csv.reader(io.StringIO(body)) if line]
    if not lines or [name.strip().lower() for name in lines[0]] != ["label", "n"]:
        raise InputError(f"the catalogue service answered {text[:120]!r}; expected counts")
    if not body.endswith("\n"):
        raise InputError("the counts are cut short")
    found: Counter[str] = Counter()
    for line in lines[1:]:
        if len(line) != 2 or not line[1].strip().isdecimal():
            raise InputError(f"the catalogue service answered {line!r:.120}; expected a count")
        found[line[0].strip()] += int(line[1])
    return found
