"""The manifest of a store: its schema, its shards with rows and hashes, where it came from.

It holds no time stamps and no machine names, so equal content gives equal bytes.
"""

import hashlib
import json
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, ValidationInfo, field_validator

from trifid.config import Config, parse
from trifid.errors import ConfigError, StoreError
from trifid.schema.modality import StoreSchema

FORMAT = "trifid-store"
VERSION = 1
MANIFEST = "manifest.json"
LOCK = "store.lock"
SKIPPED = "skipped.parquet"

_Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_SHARD = re.compile(r"shard-[0-9]{5,9}\.arrow")
_File = Annotated[str, Field(pattern=rf"^{_SHARD.pattern}$")]


def shard_name(number: int) -> str:
    """File name of a shard."""
    return f"shard-{number:05d}.arrow"


def shard_number(file: str) -> int:
    """The number in a shard's file name."""
    return int(file.removeprefix("shard-").removesuffix(".arrow"))


def shard_files(folder: Path) -> dict[int, Path]:
    """The shard files in a folder, listed in a manifest or not, by number."""
    paths = [path for path in folder.glob("shard-*.arrow") if _SHARD.fullmatch(path.name)]
    return dict(sorted((shard_number(path.name), path) for path in paths))


class ShardEntry(Config):
    """One immutable shard: a plain file name beside the manifest, its size and its hash."""

    file: _File
    rows: Annotated[int, Field(ge=1)]
    bytes: Annotated[int, Field(ge=1)]
    sha256: _Hash
    modalities: tuple[str, ...]


class Manifest(Config):
    """What a finished store holds. `schema_` is the key `schema` of the JSON document."""

    model_config = ConfigDict(populate_by_name=True)

    format: Literal["trifid-store"] = FORMAT
    version: int = VERSION
    schema_: StoreSchema = Field(validation_alias="schema", serialization_alias="schema")
    shards: tuple[ShardEntry, ...]
    provenance: dict[str, str]

    @field_validator("shards")
    @classmethod
    def _known_and_once(
        cls, shards: tuple[ShardEntry, ...], info: ValidationInfo
    ) -> tuple[ShardEntry, ...]:
        if len({shard_number(shard.file) for shard in shards}) != len(shards):
            raise ValueError("a shard is listed twice")
        known = set(info.data["schema_"].modalities) if "schema_" in info.data else set()
        for shard in shards:
            if unknown := sorted(set(shard.modalities) - known):
                raise ValueError(f"{shard.file} has modalities {unknown} that the schema lacks")
        return tuple(sorted(shards, key=lambda shard: shard_number(shard.file)))

    @property
    def rows(self) -> int:
        """Rows of all shards."""
        return sum(shard.rows for shard in self.shards)

    def document(self) -> dict[str, Any]:
        """The manifest as plain JSON values."""
        return self.model_dump(mode="json", by_alias=True)

    def hash(self) -> str:
        """SHA-256 over schema and shards: equal for stores that hold the same rows."""
        document = self.document()
        content = {"schema": document["schema"], "shards": document["shards"]}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def read_manifest(folder: Path) -> Manifest:
    """Reads and checks `manifest.json` of a folder.

    Raises:
        StoreError: If it is missing, unreadable, of another format or version, or lists names
            that are not plain shard files.
    """
    path = folder / MANIFEST
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StoreError(_why_missing(folder)) from None
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise StoreError(f"{path} is not a JSON document: the store is damaged") from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise StoreError(f"{path} is not the manifest of a {FORMAT}")
    if document.get("version") != VERSION:
        raise StoreError(
            f"{path} has version {document.get('version')!r:.20}, this trifid reads {VERSION}: "
            "ingest the files again or use the trifid that wrote it"
        )
    try:
        return parse(Manifest, document)
    except ConfigError as error:
        raise StoreError(f"{path}: {error}") from None


def _why_missing(folder: Path) -> str:
    if not folder.is_dir():
        return f"{folder} is not a folder: expected a store made by `trifid ingest` or `simulate`"
    if (folder / LOCK).exists() or shard_files(folder):
        return (
            f"{folder} holds an unfinished store ({MANIFEST} is missing): "
            "run the command that wrote it again to resume"
        )
    return f"{folder} is not a store ({MANIFEST} is missing): give the --out folder of an ingest"
