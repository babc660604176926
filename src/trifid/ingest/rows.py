"""Rows of the store to be, as files and catalogues are joined to them."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from trifid.schema.block import Skipped
from trifid.surveys.catalogue import Catalogue


@dataclass(frozen=True, slots=True)
class Source:
    """Where a spectrum of a row comes from.

    Attributes:
        modality: `spectrum`, or `spectrum_SURVEY` for one more of the same object.
        survey: Name of the survey that took it.
        path: File, relative to the folder.
        index: Its place in a file of many spectra.
        object_id: The key it has as a row of its own.
    """

    modality: str
    survey: str
    path: str
    index: int | None
    object_id: str


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the store to be.

    Attributes:
        object_id: Its key.
        bestobjid: Photometric objid, where one is known.
        ra, dec: Position [deg], where one is known.
        spectra: Its spectra, each a modality.
        picture: File, relative to the folder.
        images: For each band its file, or None; empty where the row has no image.
        hips: The same of an image service.
        catalogue: For each catalogue the number of its row, or None.
        group: The sky object it belongs to; set once all rows are known.
    """

    object_id: str
    bestobjid: str | None = None
    ra: float | None = None
    dec: float | None = None
    spectra: tuple[Source, ...] = ()
    picture: str | None = None
    images: tuple[str | None, ...] = ()
    hips: tuple[str | None, ...] = ()
    catalogue: tuple[int | None, ...] = ()
    group: str = ""

    @property
    def files(self) -> list[str]:
        """All files it is read from."""
        spectra = [source.path for source in self.spectra]
        rest = (self.picture, *self.images, *self.hips)
        return [*spectra, *(name for name in rest if name is not None)]

    def without(self, path: str) -> "Row":
        """The row without one of its files."""
        images, hips = (
            tuple(None if name == path else name for name in names)
            for names in (self.images, self.hips)
        )
        return replace(
            self,
            spectra=tuple(source for source in self.spectra if source.path != path),
            picture=None if self.picture == path else self.picture,
            images=images if any(images) else (),
            hips=hips if any(hips) else (),
        )


@dataclass
class Rows:
    """Rows being gathered, with what was left out."""

    catalogues: Sequence[Catalogue]
    rows: dict[str, Row] = field(default_factory=dict)
    skipped: list[Skipped] = field(default_factory=list)

    def by_objid(self) -> dict[str, list[str]]:
        """Ids of the rows of each photometric objid."""
        found: dict[str, list[str]] = {}
        for row in self.rows.values():
            if row.bestobjid is not None:
                found.setdefault(row.bestobjid, []).append(row.object_id)
        return found

    def add(self, row: Row, path: str) -> None:
        """Adds a row, or lists its file as a duplicate."""
        if row.object_id in self.rows:
            held = self.rows[row.object_id].files
            self.skip(path, f"duplicate: {row.object_id} is read from {held[0]}", row.object_id)
        else:
            self.rows[row.object_id] = row

    def change(self, object_id: str, **fields: object) -> None:
        """Changes fields of a row."""
        self.rows[object_id] = replace(self.rows[object_id], **fields)  # type: ignore[arg-type]

    def skip(self, path: str, why: str, object_id: str = "") -> None:
        """Lists something that is not stored."""
        self.skipped.append(Skipped(path, why, object_id))
