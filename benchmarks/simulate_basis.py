"""Galaxy spectra from trifid's stellar basis against bagpipes called for each galaxy.

Both make the spectra of galaxies on the store's grid with stars, gas and dust. trifid draws the
galaxies, adds up its basis, and broadens, dims and redshifts the result for an instrument, with
band fluxes; bagpipes updates one model for each galaxy, the fastest way it has: a delayed history
with nebular emission, Calzetti dust and one velocity dispersion. The two take turns, several
rounds over; the ratio is the median over rounds of galaxies per second. Reading of the grids is
timed apart.

    python benchmarks/simulate_basis.py [--galaxies 2000] [--reference 40] [--rounds 5] [--json]
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from functools import partial
from typing import Any

import numpy as np

from trifid.schema import grid
from trifid.simulate import populations
from trifid.simulate.galaxy_draw import draw_galaxies
from trifid.simulate.spectrograph import line_spread


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--galaxies", type=int, default=2000, help="of trifid in a round")
    parser.add_argument("--reference", type=int, default=40, help="of bagpipes in a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="trifid-basis-") as folder:
        os.environ["XDG_CACHE_HOME"] = folder
        os.chdir(folder)  # bagpipes makes folders where it runs
        first = timed(lambda: populations.load("bagpipes"))
        populations.load.cache_clear()
        again = timed(lambda: populations.load("bagpipes"))
        start = time.perf_counter()
        update = reference()
        opening = time.perf_counter() - start
        rates: dict[str, list[float]] = {"trifid": [], "bagpipes": []}
        for turn in range(options.rounds):
            rates["trifid"].append(options.galaxies / timed(partial(ours, turn, options.galaxies)))
            rates["bagpipes"].append(
                options.reference / timed(partial(theirs, turn, options.reference, update))
            )
    ratios = [ours / theirs for ours, theirs in zip(*rates.values(), strict=True)]
    result = {
        "basis_made_s": first,
        "basis_read_s": again,
        "bagpipes_import_and_first_model_s": opening,
        "galaxies_per_s": {name: statistics.median(values) for name, values in rates.items()},
        "ratio": statistics.median(ratios),
        "lowest": min(ratios),
        "highest": max(ratios),
    }
    if options.json:
        print(json.dumps(result))
        return
    print(f"basis made in {first:.2f} s, read in {again:.3f} s; bagpipes ready in {opening:.1f} s")
    for name, rate in result["galaxies_per_s"].items():
        print(f"{name:9} {rate:10.1f} galaxies/s")
    print(f"ratio {result['ratio']:.1f}, rounds {min(ratios):.1f} to {max(ratios):.1f}")


def timed(action: Any) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def ours(seed: int, count: int) -> None:
    light = draw_galaxies(np.random.default_rng(seed), count, source="bagpipes").shine(line_spread)
    assert np.isfinite(light.continuum).all()


def parts(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "redshift": float(rng.uniform(0.02, 0.3)),
        "veldisp": float(rng.uniform(60.0, 250.0)),
        "t_bc": 0.01,
        "delayed": {
            "age": float(rng.uniform(5.0, 10.0)),
            "tau": float(rng.uniform(0.5, 5.0)),
            "massformed": 10.5,
            "metallicity": float(rng.uniform(0.4, 2.0)),
        },
        "dust": {"type": "Calzetti", "Av": float(rng.uniform(0.0, 1.0)), "eta": 2.0},
        "nebular": {"logU": -3.0},
    }


def reference() -> Any:
    import bagpipes

    model = bagpipes.model_galaxy(parts(np.random.default_rng(0)), spec_wavs=grid.wavelengths())
    return model.update


def theirs(seed: int, count: int, update: Any) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(count):
        update(parts(rng))


if __name__ == "__main__":
    main()
