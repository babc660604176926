"""What may be chosen about a simulated sky; kept in the provenance of its store."""

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from trifid.config import Config
from trifid.errors import ConfigError

MODALITIES = ("image", "image_rgb", "spectrum", "table")
InstrumentName = Literal["sdss", "boss", "lamost", "desi"]
Share = Annotated[float, Field(ge=0.0, le=1.0)]


class SkyOptions(Config):
    """How a sky is observed.

    Attributes:
        instrument: The spectrograph. The camera is always that of SDSS.
        magnitudes: Brightness of the targets of sgq3 and bhb2: `legacy` (r about 17 to 19.5) or
            `boss` (to r = 22).
        seeing: Factor on the width of the point spread function, of images and before fibres.
        sky: By how many magnitudes the sky is brighter.
        depth: Factor on the signal-to-noise of spectra and images.
        prior: Shares of the classes, by name; empty = those of the task.
        missing: Share of the rows that lack some modalities, by their names joined with `+`
            (`image`, `image+table`); the rest is complete.
        label_noise: Share of the rows that get the label of another class.
        stellar: Starlight: `analytic` (core dependencies) or `bagpipes` (extra `simulate`).
        rgb: Whether colour pictures (`image_rgb`) are made.
    """

    instrument: InstrumentName = "sdss"
    magnitudes: Literal["legacy", "boss"] = "legacy"
    seeing: Annotated[float, Field(ge=0.3, le=5.0)] = 1.0
    sky: Annotated[float, Field(ge=-2.0, le=5.0)] = 0.0
    depth: Annotated[float, Field(ge=0.01, le=100.0)] = 1.0
    prior: dict[str, Share] = Field(default_factory=dict)
    missing: dict[str, Share] = Field(default_factory=dict)
    label_noise: Share = 0.0
    stellar: Literal["analytic", "bagpipes"] = "analytic"
    rgb: bool = False

    @field_validator("prior")
    @classmethod
    def _adds_up(cls, prior: dict[str, float]) -> dict[str, float]:
        if prior and abs(sum(prior.values()) - 1.0) > 1e-6:
            raise ValueError(f"the shares add up to {sum(prior.values()):.6g}; expected 1")
        return prior

    @field_validator("missing")
    @classmethod
    def _known_patterns(cls, missing: dict[str, float]) -> dict[str, float]:
        found: dict[str, float] = {}
        for pattern, share in missing.items():
            names = sorted(set(pattern.split("+")))
            if unknown := [name for name in names if name not in MODALITIES]:
                raise ValueError(f"no modality {unknown[0]!r:.40}; known: {', '.join(MODALITIES)}")
            found["+".join(names)] = found.get("+".join(names), 0.0) + share
        if sum(found.values()) > 1.0 + 1e-9:
            raise ValueError(f"the shares add up to {sum(found.values()):.6g}; expected 1 at most")
        return dict(sorted(found.items()))

    @model_validator(mode="after")
    def _something_is_left(self) -> "SkyOptions":
        made = {"image", "spectrum", "table"} | ({"image_rgb"} if self.rgb else set())
        for pattern in self.missing:
            if made <= set(pattern.split("+")):
                raise ValueError(f"rows without {pattern} would hold nothing")
            if not self.rgb and "image_rgb" in pattern.split("+"):
                raise ValueError("image_rgb cannot be missing: pictures are made with rgb only")
        return self

    @property
    def modalities(self) -> tuple[str, ...]:
        """The modalities a complete row has, sorted."""
        return tuple(name for name in MODALITIES if self.rgb or name != "image_rgb")

    def patterns(self) -> list[tuple[str, ...]]:
        """Sets of modalities of the rows: the complete one, then one for each of `missing`."""
        lacking = [set(pattern.split("+")) for pattern in self.missing]
        return [
            tuple(name for name in self.modalities if name not in without)
            for without in (set[str](), *lacking)
        ]

    def pattern_shares(self) -> list[float]:
        """Share of the rows of each of `patterns`."""
        return [max(1.0 - sum(self.missing.values()), 0.0), *self.missing.values()]

    def class_shares(self, usual: dict[str, float]) -> dict[str, float]:
        """Shares of the classes of a task, `usual` unless `prior` says otherwise.

        Raises:
            ConfigError: If `prior` names a class the task lacks.
        """
        for name in self.prior:
            if name not in usual:
                known = ", ".join(usual)
                raise ConfigError(f"prior: no class {name!r:.40} in this task; known: {known}")
        return {name: self.prior.get(name, 0.0) for name in usual} if self.prior else usual


def read_shares(words: list[str], option: str) -> dict[str, float]:
    """Reads `A=0.5,B=0.5`, given once or several times, as shares by name.

    Raises:
        ConfigError: If a word is not NAME=SHARE or a name comes twice.
    """
    shares: dict[str, float] = {}
    for word in ",".join(words).split(","):
        if not word.strip():
            continue
        name, found, text = (piece.strip() for piece in word.partition("="))
        try:
            value = float(text)
        except ValueError:
            found = ""
            value = 0.0
        if not found or not name or name in shares:
            raise ConfigError(f"{option}: got {word!r:.40}; give NAME=SHARE, each name once")
        shares[name] = value
    return shares
