"""What every kind of simulated object is to the instruments: light, shape, place in redshift."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np

Spread = Callable[[np.ndarray], np.ndarray]
"""Line spread of an instrument: sigma [pixel of 1e-4 dex] at observed wavelengths [angstrom]."""


@dataclass(frozen=True)
class Light:
    """Noiseless light of B objects behind the Milky Way's dust, in one arbitrary unit a row.

    Attributes:
        continuum: Spectrum without narrow emission lines, on the store's grid (B, L).
        emission: Narrow emission lines on the store's grid (B, L).
        bands: Total flux in ugriz [nanomaggy where spectra are in 1e-17 erg/s/cm2/A] (B, 5).
        bulge_bands: The part of it in the bulge, same unit (B, 5); zero for points.
    """

    continuum: np.ndarray
    emission: np.ndarray
    bands: np.ndarray
    bulge_bands: np.ndarray


@dataclass(frozen=True)
class Shape:
    """Light profiles of B objects: an exponential disc, a de Vaucouleurs bulge, a point.

    Attributes:
        disc_radius: Half-light radius of the disc [arcsec] (B,).
        bulge_radius: Half-light radius of the bulge [arcsec] (B,).
        disc_axis: Axis ratio of the disc (B,).
        bulge_axis: Axis ratio of the bulge (B,).
        angle: Position angle of both [rad] (B,).
        point: Share of the light that comes from an unresolved point, in ugriz (B, 5); 1 for
            stars, 0 for galaxies, between for active nuclei in their hosts. The rest is divided
            between bulge and disc as `Light.bulge_bands` says.
    """

    disc_radius: np.ndarray
    bulge_radius: np.ndarray
    disc_axis: np.ndarray
    bulge_axis: np.ndarray
    angle: np.ndarray
    point: np.ndarray


class Objects(Protocol):
    """B latent objects of one kind; every array runs over them."""

    @property
    def kind(self) -> str:
        """`galaxy`, `quasar` or `star`: what a perfect survey would call all of them."""
        ...

    @property
    def redshift(self) -> np.ndarray:
        """Redshifts (B,); of a star, its velocity over the speed of light."""
        ...

    @property
    def galactic_ebv(self) -> np.ndarray:
        """True Milky Way E(B-V), on the scale of the raw SFD map [mag] (B,)."""
        ...

    @property
    def magnitude(self) -> np.ndarray:
        """Total r magnitude [AB], dimmed by the Milky Way (B,); NaN where S/N sets it instead."""
        ...

    def __len__(self) -> int: ...

    def take(self, rows: np.ndarray) -> Self:
        """The objects of some rows, in that order."""
        ...

    def shine(self, spread: Spread) -> Light:
        """Their light as an instrument of this resolution sees it, before noise."""
        ...

    def shape(self) -> Shape:
        """Their light profiles on the sky."""
        ...

    def truth(self) -> Mapping[str, np.ndarray]:
        """Columns of truth by name, each beginning with `truth_` (B,); never an input."""
        ...
