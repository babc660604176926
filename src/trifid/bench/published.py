"""The papers' own numbers, as printed, from the TOML files in `bench/papers/`."""

import re
import tomllib
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from trifid.bench.counts import Printed
from trifid.config import Config, parse
from trifid.errors import ConfigError, InputError
from trifid.files import safe_name

_DIGITS = re.compile(r"\d{1,6}(\.\d{1,12})?")
FILE_BYTES = 2**20


def _number(text: str) -> str:
    if not _DIGITS.fullmatch(text):
        raise ValueError('expected a number as printed, in quotes, such as "0.9434"')
    return text


Digits = Annotated[str, AfterValidator(_number)]
Count = Annotated[int, Field(ge=1, le=10**7)]


class Row(Config):
    """One line of a table. Metric to number, or to one number a class; what is NA is left out."""

    model: str
    overall: dict[str, Digits] = Field(default={})
    overall_sd: dict[str, Digits] = Field(default={})
    by_class: dict[str, tuple[Digits, ...]] = Field(default={})
    by_class_sd: dict[str, tuple[Digits, ...]] = Field(default={})


class Table(Config):
    """A table of a paper.

    Attributes:
        number: As in the paper.
        what: What it holds.
        unit: Of its numbers.
        n: Objects judged: as stated, then other numbers worth trying; empty if not stated.
        average: What its means over classes are, in words.
        runs: How many runs a number is the mean of, as stated.
        classes: In the order of the numbers by class.
        support: Objects judged of each class, if stated.
        note: What else one must know.
        rows: One a model; `row` in the file.
    """

    number: str
    what: str = ""
    unit: Literal["fraction", "percent"] = "fraction"
    n: tuple[Count, ...] = ()
    average: str = "not stated"
    runs: int = Field(default=1, ge=1, le=100)
    classes: tuple[str, ...] = ()
    support: tuple[Count, ...] = ()
    note: str = ""
    rows: tuple[Row, ...] = Field(alias="row", default=())

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.support and len(self.support) != len(self.classes):
            raise ValueError(f"{len(self.support)} supports for {len(self.classes)} classes")
        if self.support and self.n and sum(self.support) != self.n[0]:
            raise ValueError(f"the supports add up to {sum(self.support)}, n is {self.n[0]}")
        for row in self.rows:
            for metric, values in (row.by_class | row.by_class_sd).items():
                if len(values) != len(self.classes):
                    raise ValueError(
                        f"{row.model}: {len(values)} numbers of {metric} for "
                        f"{len(self.classes)} classes"
                    )
            for value in (*row.overall.values(), *sum(row.by_class.values(), ())):
                if Printed.of(value, percent=self.unit == "percent").value > 1:
                    raise ValueError(f"{row.model}: {value} is more than 1 (or 100 percent)")
        return self

    def printed(self, model: str, metric: str, name: str = "") -> Printed | None:
        """A number of a row: over all objects, or of a class; None where the table has none."""
        for row in self.rows:
            if row.model == model:
                if name:
                    texts = row.by_class.get(metric, ())
                    text = texts[self.classes.index(name)] if texts else None
                else:
                    text = row.overall.get(metric)
                return None if text is None else self.read(text)
        return None

    def read(self, text: str) -> Printed:
        """A number in this table's unit."""
        return Printed.of(text, percent=self.unit == "percent")


class Claim(Config):
    """A statement `better` > `worse` that rests on a table.

    `class` narrows it to one class; `against` is the table of `worse`, if it is another.
    """

    text: str
    table: str
    against: str = ""
    metric: str
    better: str
    worse: str
    name: str = Field(alias="class", default="")


class Joined(Config):
    """Two tables of the same models: accuracy and means in one, F1 by class in the other."""

    accuracy: str
    by_class: str


class PublishedPaper(Config):
    """A paper's tables and claims; `table`, `claim` and `joined` in the file."""

    paper: str
    title: str = ""
    reference: str = ""
    note: str = ""
    tables: tuple[Table, ...] = Field(alias="table", default=())
    claims: tuple[Claim, ...] = Field(alias="claim", default=())
    joined: tuple[Joined, ...] = ()

    @model_validator(mode="after")
    def _names_exist(self) -> Self:
        numbers = [table.number for table in self.tables]
        if len(set(numbers)) < len(numbers):
            raise ValueError(f"table numbers repeat: {', '.join(numbers)}")
        for claim in self.claims:
            sides = (
                (claim.table, claim.better),
                (claim.against or claim.table, claim.worse),
            )
            for number, model in sides:
                table = self.table(number)
                if claim.name and claim.name not in table.classes:
                    raise ValueError(f"claim {claim.text!r}: no class {claim.name!r}")
                if table.printed(model, claim.metric, claim.name) is None:
                    raise ValueError(
                        f"claim {claim.text!r}: table {number!r} has no {claim.metric} of {model!r}"
                    )
        for pair in self.joined:
            for number in (pair.accuracy, pair.by_class):
                self.table(number)
        return self

    def table(self, number: str) -> Table:
        """A table by its number.

        Raises:
            ValueError: If there is none.
        """
        for table in self.tables:
            if table.number == number:
                return table
        known = ", ".join(table.number for table in self.tables) or "none"
        raise ValueError(f"no table {number!r}; known: {known}")


def published_names() -> tuple[str, ...]:
    """The papers whose numbers trifid ships."""
    folder = resources.files("trifid.bench") / "papers"
    return tuple(sorted(item.name[:-5] for item in folder.iterdir() if item.name.endswith(".toml")))


def published(name: str) -> PublishedPaper:
    """A paper's numbers by name.

    Raises:
        ConfigError: If there are none.
    """
    if name not in published_names():
        known = ", ".join(published_names())
        raise ConfigError(f"no published numbers of {name!r}; known: {known}")
    path = resources.files("trifid.bench") / "papers" / f"{safe_name(name)}.toml"
    return parse(PublishedPaper, tomllib.loads(path.read_text(encoding="utf-8")))


def read_paper(path: Path) -> PublishedPaper:
    """A paper's numbers from a user's file; the format is in docs/guide/audit.md.

    Raises:
        InputError: If it cannot be read, or is not TOML of this format.
    """
    try:
        if path.stat().st_size > FILE_BYTES:
            raise InputError(f"{path} is larger than {FILE_BYTES} bytes")
        values = tomllib.loads(path.read_text(encoding="utf-8"))
        return parse(PublishedPaper, values)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InputError(f"{path} is not TOML: {error}") from None
    except ConfigError as error:
        raise InputError(f"{path}: {error}") from None
