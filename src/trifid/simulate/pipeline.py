"""What a survey's pipeline says of simulated spectra: class, redshift with warnings, lines.

It knows nothing of the objects. Its templates come from simulated spectra of another seed, so they
suit these skies better than any templates suit the real one.
"""

from functools import cache

import numpy as np

from trifid.physics import line_fit
from trifid.physics.profiles import place_templates
from trifid.physics.redshift import TemplateSet, fit_redshifts
from trifid.schema import grid
from trifid.schema.block import Fields
from trifid.simulate import templates
from trifid.simulate.instruments import INSTRUMENTS
from trifid.simulate.options import SkyOptions

Columns = dict[str, np.ndarray]


@cache
def _sets(source: str, kinds: tuple[str, ...]) -> list[TemplateSet]:
    return templates.load(source, kinds=kinds)


@cache
def _starlight(source: str) -> TemplateSet:
    return templates.starlight(source)


def classify(fields: Fields, kinds: tuple[str, ...], options: SkyOptions) -> Columns:
    """class, subclass, redshift, its error and zwarning of spectra, by template fits.

    Args:
        fields: flux and ivar (B, L).
        kinds: Templates tried: `galaxy`, `quasar`, `star`.
        options: The sky's; galaxies are fitted with starlight of the kind they are made of.
    """
    fits = fit_redshifts(fields["flux"], fields["ivar"], _sets(options.stellar, kinds))
    return {
        "class": fits.name,
        "subclass": fits.subclass,
        "redshift": fits.redshift,
        "redshift_error": fits.error,
        "zwarning": fits.warning,
    }


def measure_lines(fields: Fields, redshift: np.ndarray, options: SkyOptions) -> Columns:
    """BPT class, EW(Halpha) and E(B-V) of spectra at the redshifts measured, with sentinels."""
    stars = _starlight(options.stellar)
    placed, _ = place_templates(stars.curves, stars.log10_start, redshift)
    measured = line_fit.measure_lines(
        fields["flux"].astype(np.float64),
        fields["ivar"].astype(np.float64),
        redshift,
        starlight=placed,
        spread=INSTRUMENTS[options.instrument].line_spread(grid.wavelengths()),
    )
    labels = line_fit.classes(measured)
    return {"bpt": labels.bpt, "ew_ha_6562": labels.ew_ha, "ebmv": labels.ebmv}
