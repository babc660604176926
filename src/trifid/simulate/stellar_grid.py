"""Spectra of model stars on grids of temperature, gravity and metallicity, computed once.

The grid that comes with the package was computed by `build` and is used while its key (families,
line list, version of the physics) is that of the code. Otherwise the grid is computed on first use
(four minutes of one core) and kept in the user's cache folder.
"""

import hashlib
import json
import multiprocessing
import os
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from trifid import files
from trifid.progress import progress
from trifid.simulate import atmospheres, stellar_gas, stellar_lines, stellar_opacity

VERSION = 2  # of the physics: a change here makes old caches void
_FEWEST_FOR_POOL = 20
_PACKAGED = Path(__file__).with_name("stellar_grid.safetensors")


@dataclass(frozen=True)
class Family:
    """A rectangular grid of models.

    Attributes:
        teff: Effective temperatures [K].
        gravity: log10 of the surface gravities [cm/s2].
        metallicity: [Fe/H]; -9 for no metals.
        helium: Helium atoms per hydrogen atom.
        carbon: Addition to the carbon abundance [dex].
        planck: Whether the spectra are Planck's, as those of cool helium atmospheres nearly are.
    """

    teff: tuple[float, ...]
    gravity: tuple[float, ...]
    metallicity: tuple[float, ...]
    helium: float = 0.085
    carbon: float = 0.0
    planck: bool = False

    @property
    def nodes(self) -> list[tuple[float, float, float]]:
        """(teff, gravity, metallicity) of every model, the last running fastest."""
        return list(product(self.teff, self.gravity, self.metallicity))


FAMILIES: dict[str, Family] = {
    "cool": Family(
        (2600, 2800, 3000, 3200, 3400, 3600, 3800, 4050, 4300), (4.9,), (-1.5, -0.6, 0.2)
    ),
    "solar": Family(
        (4000, 4300, 4600, 4900, 5200, 5500, 5800, 6100, 6500, 6900, 7300),
        (2.5, 4.5),
        (-2.5, -1.6, -0.8, 0.1),
    ),
    "hot": Family(
        (6900, 7400, 7900, 8400, 8900, 9500, 10200, 11200, 12500, 15000),
        (2.75, 3.5, 4.5),
        (-2.2, -1.0, 0.1),
    ),
    "early": Family((15000, 19000, 24000, 30000, 40000), (4.0, 5.6), (0.0,)),
    "DA": Family(
        (6000, 7000, 8000, 9500, 11000, 13000, 16000, 20000, 26000, 36000, 50000),
        (7.6, 8.4),
        (-9.0,),
        helium=1e-6,
    ),
    "DB": Family((12000, 14000, 17000, 21000, 26000, 33000), (8.0,), (-9.0,), helium=1e6),
    "DC": Family((4500, 5200, 6200, 7500, 9000, 11500), (8.0,), (-9.0,), planck=True),
    "carbon": Family((3800, 4300, 4900), (4.8,), (-1.0,), carbon=0.9),
}


@dataclass(frozen=True)
class StarGrid:
    """Spectra of every family.

    Attributes:
        families: The grids.
        log_flux: Natural logarithm of the flux at the surface [erg/s/cm2/A] at each family's nodes
            (teffs, gravities, metallicities, 5900), float32.
    """

    families: Mapping[str, Family]
    log_flux: Mapping[str, np.ndarray]

    def flux(
        self, family: str, teff: np.ndarray, gravity: np.ndarray, metallicity: np.ndarray
    ) -> np.ndarray:
        """Spectra (B, 5900) [erg/s/cm2/A]; outside the grid those of its edge.

        The logarithm of the flux is linear in log teff, gravity and metallicity between nodes.
        """
        grid = self.families[family]
        axes = [
            _corners(np.log(np.array(grid.teff)), np.log(teff)),
            _corners(np.array(grid.gravity), gravity),
            _corners(np.array(grid.metallicity), metallicity),
        ]
        table = self.log_flux[family]
        result = np.zeros((teff.size, table.shape[-1]), np.float32)
        for sides in product((0, 1), repeat=3):
            weight = np.prod(
                [axis[1][side] for axis, side in zip(axes, sides, strict=True)], axis=0
            )
            rows = np.flatnonzero(weight > 0.0)
            if rows.size:
                index = [axis[0][rows] + side for axis, side in zip(axes, sides, strict=True)]
                chosen = table[index[0], index[1], index[2]]
                result[rows] += weight[rows, None].astype(np.float32) * chosen
        return np.exp(result)


def _corners(nodes: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Index of the node below each value and the weights of it and of the next (2, B)."""
    if nodes.size == 1:
        return np.zeros(values.size, np.int64), np.stack(
            [np.ones(values.size), np.zeros(values.size)]
        )
    low = np.clip(np.searchsorted(nodes, values, side="right") - 1, 0, nodes.size - 2)
    share = np.clip((values - nodes[low]) / (nodes[low + 1] - nodes[low]), 0.0, 1.0)
    return low, np.stack([1.0 - share, share])


def cache_folder() -> Path:
    """Where the grid is kept: $XDG_CACHE_HOME/trifid, or ~/.cache/trifid."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "trifid"


@cache
def star_grid() -> StarGrid:
    """The grid of all families: the package's, the cache's, or computed and cached."""
    found = _read(_PACKAGED, grid_key(FAMILIES), FAMILIES)
    return StarGrid(FAMILIES, found) if found else load_or_build(FAMILIES, cache_folder())


def load_or_build(families: Mapping[str, Family], folder: Path) -> StarGrid:
    """Reads the grid of some families from a folder, or computes it and writes it there.

    A file that is damaged, or of other families, physics or lines, is replaced. Where the folder
    cannot be written, the grid is computed each time.
    """
    key = grid_key(families)
    path = folder / f"stars-{key[:16]}.safetensors"
    found = _read(path, key, families)
    if found is None:
        packed = _packed(build(families))
        _write(path, key, packed)
        found = _unpacked(packed, families)
    return StarGrid(families, found)


def grid_key(families: Mapping[str, Family]) -> str:
    """Hash of all a grid hangs on."""
    text = json.dumps(
        [VERSION, {name: vars(item) for name, item in families.items()}], sort_keys=True
    )
    return hashlib.sha256((text + stellar_lines.list_sha256()).encode()).hexdigest()


def _packed(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Log fluxes as 16-bit steps between each spectrum's least and most: to 1e-4 or better."""
    packed = {}
    for name, values in arrays.items():
        low, high = values.min(axis=-1, keepdims=True), values.max(axis=-1, keepdims=True)
        step = np.maximum(high - low, 1e-6) / 65535.0
        packed[name] = np.rint((values - low) / step).astype(np.uint16)
        packed[f"{name} scale"] = np.concatenate([low, step], axis=-1).astype(np.float32)
    return packed


def _unpacked(
    packed: Mapping[str, np.ndarray], families: Mapping[str, Family]
) -> dict[str, np.ndarray]:
    scales = {name: packed[f"{name} scale"] for name in families}
    return {
        name: scales[name][..., :1] + scales[name][..., 1:] * packed[name].astype(np.float32)
        for name in families
    }


def _read(path: Path, key: str, families: Mapping[str, Family]) -> dict[str, np.ndarray] | None:
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="numpy") as handle:
            note = (handle.metadata() or {}).get("note", "")
            if not note.startswith(key):
                return None
            arrays = {name: handle.get_tensor(name) for name in handle.keys()}  # noqa: SIM118
    except (OSError, SafetensorError):
        return None
    if note != f"{key} {_hash(arrays)}":
        return None
    return _unpacked(arrays, families)


def _write(path: Path, key: str, packed: dict[str, np.ndarray]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with files.written_whole(path) as temporary:
            save_file(packed, temporary, metadata={"note": f"{key} {_hash(packed)}"})
    except OSError:
        return


def _hash(arrays: Mapping[str, np.ndarray]) -> str:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        digest.update(name.encode() + np.ascontiguousarray(arrays[name]).tobytes())
    return digest.hexdigest()


def build(families: Mapping[str, Family], *, workers: int | None = None) -> dict[str, np.ndarray]:
    """Log fluxes of the families' models, on all cores the process may use."""
    jobs = [
        (*node, item.helium, item.carbon, item.planck)
        for item in families.values()
        for node in item.nodes
    ]
    workers = workers or len(os.sched_getaffinity(0))
    with progress("stellar spectra", len(jobs), unit="models") as advance:
        if workers == 1 or len(jobs) < _FEWEST_FOR_POOL:
            spectra = []
            for job in jobs:
                spectra.append(_compute(job))
                advance(1)
        else:
            context = multiprocessing.get_context("spawn")
            spectra = []
            with ProcessPoolExecutor(min(workers, 8), mp_context=context) as pool:
                for curve in pool.map(_compute, jobs, chunksize=4):
                    spectra.append(curve)
                    advance(1)
    arrays, begin = {}, 0
    for name, item in families.items():
        shape = (len(item.teff), len(item.gravity), len(item.metallicity), stellar_lines.LENGTH)
        arrays[name] = np.stack(spectra[begin : begin + len(item.nodes)]).reshape(shape)
        begin += len(item.nodes)
    return arrays


def _compute(job: tuple[float, float, float, float, float, bool]) -> np.ndarray:
    teff, gravity, metallicity, helium, carbon, black = job
    if black:
        pixel = stellar_lines.bin_wavelengths()[stellar_lines.BINS // 2 :: stellar_lines.BINS]
        flux = np.pi * stellar_opacity.planck(pixel, np.array([teff]))[0]
        return np.log(flux).astype(np.float32)
    mix = stellar_gas.mixture(metallicity, helium=helium, carbon=carbon)
    star = atmospheres.model(teff, gravity, mix, atmospheres.energy_sample())
    flux = atmospheres.spectrum(star, mix)
    return np.log(np.maximum(flux, 1e-30)).astype(np.float32)
