"""Speed and memory of `trifid simulate`, beside GalSim and bagpipes called for each object.

    python benchmarks/simulate.py [--task galaxy4 sgq3 zsfr bhb2] [--rows 2000] [--workers 2]
    python benchmarks/simulate.py --reference 40 [--rounds 5]
    python benchmarks/simulate.py --task bhb2 --memory --rows 100000 --size 16

The first runs the command itself, start-up and writing included, templates and grids made before:
seconds, and processor time over the number of workers, which is what it takes where nobody else
uses the cores. The second makes whole rows of `galaxy4` (image, spectrum, measured row) with
bagpipes' starlight, and in turn the image alone by GalSim and the noiseless spectrum alone by
bagpipes, one object at a time; processor time of one thread, ratios are medians over rounds. The
third watches one process that writes the rows: its anonymous memory should not grow. The store is
deleted.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from trifid.simulate import camera, plates
from trifid.simulate.options import SkyOptions
from trifid.simulate.run import SIMULATED_TASKS, sky_task

TENTHS = tuple(tenth / 10 for tenth in range(1, 11))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--task", nargs="+", default=list(SIMULATED_TASKS))
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--reference", type=int, default=0, help="objects of the others a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--memory", action="store_true", help="watch the memory of one process")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.reference:
        result = against_libraries(options.reference, options.rounds)
    elif options.memory:
        result = {task: memory(task, options.rows, options.size) for task in options.task}
    else:
        result = {task: speed(task, options) for task in options.task}
    if options.json:
        print(json.dumps(result))
        return
    for name, value in result.items():
        print(f"{name:12} {value}")


def speed(task: str, options: argparse.Namespace) -> dict[str, float]:
    """Seconds and processor seconds of the command, in a process of its own."""
    sky_task(task).prepare(SkyOptions())
    with tempfile.TemporaryDirectory() as folder:
        begin, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
        command = _command(task, options.rows, options.size, Path(folder) / "sky")
        command += ["--workers", str(options.workers)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        seconds, after = time.monotonic() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {
        "rows": options.rows,
        "seconds": round(seconds, 1),
        "cpu_seconds": round(used, 1),
        "cpu_seconds_of_a_worker": round(used / options.workers, 1),
    }


def _command(task: str, rows: int, size: int, out: Path) -> list[str]:
    verb = ["simulate", task, "--objects", str(rows), "--size", str(size), "--out", str(out)]
    return [sys.executable, "-m", "trifid.cli", *verb, "--json"]


def memory(task: str, rows: int, size: int) -> dict[str, Any]:
    """Anonymous memory [MB] of a process at each tenth of its rows."""
    sky_task(task).prepare(SkyOptions())
    shards, seen = len(plates.plate_rows(rows)), dict[float, int]()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "sky"
        begin = time.monotonic()
        running = subprocess.Popen(_command(task, rows, size, out), stdout=subprocess.DEVNULL)
        while running.poll() is None:
            time.sleep(0.2)
            done = len(list(out.glob("shard-*.arrow"))) / shards
            for tenth in TENTHS:
                if done >= tenth and tenth not in seen and (now := _anonymous(running.pid)):
                    seen[tenth] = now
        if running.returncode:
            raise SystemExit(f"trifid simulate ended with {running.returncode}")
        written = json.loads((out / "manifest.json").read_text())
    return {
        "rows": sum(shard["rows"] for shard in written["shards"]),
        "seconds": round(time.monotonic() - begin, 1),
        "anonymous_mb": {f"{tenth:.0%}": value for tenth, value in seen.items()},
    }


def _anonymous(process: int) -> int:
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0
    return next((int(x.split()[1]) // 1024 for x in status.splitlines() if "RssAnon" in x), 0)


def against_libraries(count: int, rounds: int) -> dict[str, Any]:
    """Objects a second of processor time of trifid, GalSim and bagpipes, which take turns."""
    import simulate_basis

    sky, options = sky_task("galaxy4"), SkyOptions(stellar="bagpipes")
    sky.prepare(options)
    update, draw = simulate_basis.reference(), galsim_images(count)
    actions: dict[str, tuple[int, Callable[[int], Any]]] = {
        "trifid: image, spectrum and measured row": (
            4 * count,
            lambda turn: plates.simulate_plate(sky, options, 1, turn, 4 * count, 64),
        ),
        "trifid: image": (4 * count, partial(our_images, 4 * count)),
        "GalSim: image": (count, draw),
        "trifid: spectrum": (4 * count, partial(our_spectra, 4 * count)),
        "bagpipes: spectrum": (count, lambda turn: simulate_basis.theirs(turn, count, update)),
    }
    rates: dict[str, list[float]] = {name: [] for name in actions}
    for turn in range(rounds):
        for name, (objects, action) in actions.items():
            begin = time.process_time()
            action(turn)
            rates[name].append(objects / (time.process_time() - begin))
    whole, image, drawn, spectrum, updated = rates.values()
    both = [1.0 / (1.0 / one + 1.0 / two) for one, two in zip(drawn, updated, strict=True)]
    return {
        "objects_per_second": {k: round(statistics.median(v), 1) for k, v in rates.items()},
        "ratio_image": _ratio(image, drawn),
        "ratio_spectrum": _ratio(spectrum, updated),
        "ratio_row_over_both": _ratio(whole, both),
    }


def _ratio(ours: list[float], theirs: list[float]) -> dict[str, float]:
    ratios = [one / two for one, two in zip(ours, theirs, strict=True)]
    found = {"median": statistics.median(ratios), "lowest": min(ratios), "highest": max(ratios)}
    return {name: round(value, 2) for name, value in found.items()}


def _scene(seed: int, count: int) -> Any:
    """Galaxies of r = 17 on the sky."""
    from trifid.simulate import imaging
    from trifid.simulate.galaxy_draw import draw_galaxies
    from trifid.simulate.spectrograph import line_spread

    galaxies = draw_galaxies(np.random.default_rng(seed), count, source="bagpipes")
    light = galaxies.shine(line_spread)
    scale = (158.5 / light.bands[:, 2])[:, None]
    return imaging.scene(
        galaxies.shape(), scale * light.bands, scale * light.bulge_bands, galaxies.galactic_ebv
    )


def our_images(count: int, turn: int) -> None:
    """Five bands of 64 pixels, noise and neighbours included."""
    from trifid.simulate import imaging

    rng = np.random.default_rng(turn)
    imaging.photograph(rng, _kept_scene(count), camera.draw_sky(rng, count), 64)


def our_spectra(count: int, turn: int) -> None:
    """Light of new galaxies as the spectrograph records it."""
    from trifid.simulate import spectrograph
    from trifid.simulate.galaxy_draw import draw_galaxies

    rng = np.random.default_rng(turn)
    light = draw_galaxies(rng, count, source="bagpipes").shine(spectrograph.line_spread)
    exposures = [spectrograph.draw_exposure(rng)]
    fibres = spectrograph.draw_fibres(rng, exposures, np.zeros(count, dtype=np.int64))
    spectrograph.observe(rng, light.continuum, light.emission, fibres)


_SCENES: dict[int, Any] = {}


def _kept_scene(count: int) -> Any:
    return _SCENES.setdefault(count, _scene(0, count))


def galsim_images(count: int) -> Callable[[int], None]:
    """A function that draws the same kind of galaxies one by one with GalSim, with noise."""
    import galsim

    seen = _kept_scene(count)

    def draw(turn: int) -> None:
        random = galsim.BaseDeviate(turn + 1)
        sky = camera.draw_sky(np.random.default_rng(turn), count)
        for row in range(count):
            disc, bulge = _profiles(galsim, seen.shape, row)
            for band in range(5):
                sigma = sky.fwhm[row, band] / camera.FWHM_OVER_SIGMA
                share, wider = camera.WING
                spread = galsim.Gaussian(sigma=sigma, flux=share)
                spread += galsim.Gaussian(sigma=wider * sigma, flux=1.0 - share)
                light = disc * seen.disc[row, band] + bulge * seen.bulge[row, band]
                image = galsim.Convolve(light, spread).drawImage(nx=64, ny=64, scale=camera.PIXEL)
                noise = camera.pixel_noise(np.zeros(5), sky.level[row])[band]
                image.addNoise(galsim.GaussianNoise(random, sigma=noise))

    return draw


def _profiles(galsim: Any, shape: Any, row: int) -> tuple[Any, Any]:
    """Disc and bulge of unit flux."""
    angle = shape.angle[row] * galsim.radians
    disc = galsim.Exponential(half_light_radius=shape.disc_radius[row])
    bulge = galsim.DeVaucouleurs(half_light_radius=shape.bulge_radius[row])
    return (
        disc.dilate(np.sqrt(shape.disc_axis[row])).shear(q=shape.disc_axis[row], beta=angle),
        bulge.dilate(np.sqrt(shape.bulge_axis[row])).shear(q=shape.bulge_axis[row], beta=angle),
    )


if __name__ == "__main__":
    main()
