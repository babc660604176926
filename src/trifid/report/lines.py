"""Which spectral lines a plotted spectrum marks, and where."""

from collections.abc import Sequence

import numpy as np

from trifid.physics.lines import ABSORPTION, EMISSION, MAIN_QUASAR, QUASAR, observed

_LABEL = 0.036  # height of a turned label as a share of the range


def marks(redshift: float, span: Sequence[float]) -> list[tuple[str, float]]:
    """Labels and observed wavelengths [angstrom] of the lines inside a range, blue to red.

    Lines too close for a label of their own share the first one's and have an empty label.

    Args:
        redshift: Of the object.
        span: First and last observed wavelength [angstrom].
    """
    broad = [QUASAR[name] for name in MAIN_QUASAR]
    lines = sorted(
        (*EMISSION.values(), *ABSORPTION.values(), *broad), key=lambda line: line.wavelength
    )
    places = observed(np.array([line.wavelength for line in lines]), redshift).tolist()
    near = _LABEL * (span[1] - span[0])
    placed: list[tuple[list[str], float]] = []
    named: tuple[list[str], float] = ([], -near)
    for line, at in zip(lines, places, strict=True):
        if not span[0] < at < span[1]:
            continue
        repeated = line.label in named[0] and at - placed[-1][1] < near
        if repeated or at - named[1] < near:
            named[0].extend([line.label] * (line.label not in named[0]))
            placed.append(([], at))
        else:
            named = ([line.label], at)
            placed.append(named)
    return [(", ".join(labels), at) for labels, at in placed]
