"""Simulated galaxies, quasars and stars beside those of three catalogues of the survey.

    python benchmarks/sky_against_catalogues.py --data FOLDER --out FOLDER [--seed 5]

FOLDER of the data holds `catalogues/`: eco_mpajhu_lines_class_dev.csv (lines of nearby galaxies),
kaggle_dr14_dev.csv (magnitudes and classes) and bhb_dev.csv (horizontal branch). Nothing of them
goes into a simulation but what is asked of it: the redshift, magnitude and BPT class of each galaxy
of the first one. Written are `against.json` and, of each comparison, histograms of real and
simulated values.

Of each quantity: the medians, the Kolmogorov-Smirnov distance and Wasserstein's over the spread of
the real values. Of each sample: the AUC of boosted trees that tell real from simulated rows, in
five folds, with a bootstrap interval by object; 0.5 = they cannot. Samples matched to real objects
hold simulated ones several times, which would be in several folds: no AUC of those.
"""

import argparse
import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from scipy.spatial import KDTree
from scipy.stats import ks_2samp, wasserstein_distance
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_predict

from trifid.physics import bpt, line_fit
from trifid.physics.lines import SPEED_OF_LIGHT
from trifid.physics.photometry import nanomaggy
from trifid.physics.profiles import place_templates
from trifid.schema.block import Fields
from trifid.simulate import bhb2, plates, sgq3, templates
from trifid.simulate.galaxy_draw import draw_at
from trifid.simulate.options import SkyOptions
from trifid.simulate.plates import Columns, Kind, SkyTask
from trifid.simulate.source import Objects

Values = dict[str, np.ndarray]
KAGGLE_LIMIT = 19.6  # in u: the faintest of the table
ERRORS = {"h_alpha": 2.47, "h_beta": 1.88, "oiii_5007": 1.57, "nii_6584": 2.04}
"""Factors on the catalogue's errors of lines, after repeat observations [unverified]."""
LINES = ("h_alpha", "h_beta", "oiii_5007", "nii_6584", "oi_6300", "sii_6717", "sii_6731")
LEAST = 3.0  # of the S/N of the four lines of the BPT plane
PLATE = 640
PARTS = ("eco", "dr14", "bhb")
REAL, MADE = "#303030", "#d55e00"


@dataclass(frozen=True)
class Sample:
    """Real and simulated values by quantity, (N,) and (M,), chosen alike."""

    name: str
    note: str
    real: Values
    made: Values


def read(path: Path) -> dict[str, np.ndarray]:
    """Columns of a catalogue: numbers where all values are, else text."""
    with path.open(newline="") as opened:
        rows = list(csv.DictReader(opened))
    columns: dict[str, np.ndarray] = {}
    for name in rows[0]:
        text = np.array([row[name] or "nan" for row in rows])
        try:
            columns[name] = text.astype(np.float64)
        except ValueError:
            columns[name] = text
    return columns


def observed(task: SkyTask, rows: int, seed: int, options: SkyOptions) -> Values:
    """Table features and columns of all plates of a sky (R,)."""
    blocks = [
        plates.simulate_plate(task, options, seed, plate, min(PLATE, rows - PLATE * plate), 16)
        for plate in range(-(-rows // PLATE))
    ]
    values: Values = {
        name: np.concatenate([block.inputs["table"]["values"][:, index] for block in blocks])
        for index, (name, _) in enumerate(task.table)
    }
    for name in ("truth_kind", *task.columns):
        values[name] = np.concatenate([np.array(block.columns[name]) for block in blocks])
    return values


def known(
    rng: np.random.Generator, objects: Objects, fields: Fields, options: SkyOptions
) -> Columns:
    """Class and redshift as they are, for comparisons of photometry alone."""
    count = len(objects)
    nothing = np.zeros(count)
    return {
        "class": np.full(count, objects.kind), "subclass": np.full(count, ""),
        "redshift": objects.redshift, "redshift_error": nothing,
        "zwarning": nothing.astype(np.int64),
    }  # fmt: skip


def spread_out(values: np.ndarray) -> float:
    """Half of the range that holds 68 % of values: their standard deviation, were they normal."""
    low, high = np.percentile(values, (15.865, 84.135))
    return 0.5 * float(high - low)


# -- galaxies: lines -----------------------------------------------------------------------------


def line_quantities(flux: Mapping[str, np.ndarray], r: np.ndarray) -> Values:
    """Ratios of line fluxes [1e-17 erg/s/cm2], and Halpha over the light of the galaxy in r."""
    ratio = {
        "log [N II]/Ha": ("nii_6584", "h_alpha"), "log [O III]/Hb": ("oiii_5007", "h_beta"),
        "log Ha/Hb": ("h_alpha", "h_beta"), "log [O I]/Ha": ("oi_6300", "h_alpha"),
    }  # fmt: skip
    least = {name: np.maximum(flux[name], 1e-9) for name in LINES}
    values = {name: least[a] / least[b] for name, (a, b) in ratio.items()}
    values["log [S II]/Ha"] = (least["sii_6717"] + least["sii_6731"]) / least["h_alpha"]
    # 1 nanomaggy at 6166 angstrom is 0.286e-17 erg/s/cm2/angstrom
    values["log Ha/r [A]"] = least["h_alpha"] / (0.286 * nanomaggy(r))
    return {name: np.log10(np.maximum(value, 1e-4)) for name, value in values.items()}


def eco_task(redshift: np.ndarray, r: np.ndarray, classes: np.ndarray, source: str) -> SkyTask:
    """Galaxies of given redshifts, magnitudes and classes, and the fluxes of their lines."""

    def draw(rng: np.random.Generator, count: int, options: SkyOptions) -> Objects:
        rows = rng.integers(redshift.size, size=count)
        return draw_at(rng, redshift[rows], r[rows], classes[rows], source=source)

    def measure(
        rng: np.random.Generator, objects: Objects, fields: Fields, options: SkyOptions
    ) -> Columns:
        stars = templates.starlight(source)
        placed, _ = place_templates(stars.curves, stars.log10_start, objects.redshift)
        given = (fields["flux"].astype(np.float64), fields["ivar"].astype(np.float64))
        fits = line_fit.measure_lines(*given, objects.redshift, starlight=placed).lines
        found = known(rng, objects, fields, options)
        for name in LINES:
            found[name] = fits[name].flux.astype(np.float64)
            found[f"{name}_error"] = fits[name].error
        return found

    columns = [f"{name}{end}" for name in LINES for end in ("", "_error")]
    return SkyTask(
        name="eco", kinds=(Kind("GALAXY", 1.0, draw),), measure=measure, columns={},
        features=tuple((name, "") for name in columns), label="class",
    )  # fmt: skip


def nearby(data: Path, seed: int, source: str) -> list[Sample]:
    """Galaxies of the ECO catalogue beside simulated ones of their redshifts, r and classes."""
    eco = read(data / "catalogues" / "eco_mpajhu_lines_class_dev.csv")
    flux = {name[:-5]: eco[name] for name in eco if name.endswith("_flux")}
    seen = np.all(
        [flux[n] > LEAST * factor * eco[f"{n}_flux_err"] for n, factor in ERRORS.items()], axis=0
    )
    clear = eco["rmag"] - eco["extr"]
    given = line_quantities(flux, clear)
    x, y = given["log [N II]/Ha"], given["log [O III]/Hb"]
    classes = bpt.classify(x, y)
    rows = np.flatnonzero(seen & (clear > 12.5))
    task = eco_task(eco["cz"][rows] / SPEED_OF_LIGHT, clear[rows], classes[rows], source)
    table = observed(task, PLATE, seed, SkyOptions(stellar=source))
    caught = np.all([table[n] > LEAST * table[f"{n}_error"] for n in ERRORS], axis=0)
    free = table["modelmag_r"] - table["extinction_r"]
    made = {name: v[caught] for name, v in line_quantities(table, free).items()}
    real = {name: v[rows] for name, v in given.items()}
    note = f"{caught.mean():.0%} of the simulated ones have the four lines"
    forming = tuple(
        bpt.classify(v["log [N II]/Ha"], v["log [O III]/Hb"]) == bpt.STAR_FORMING
        for v in (real, made)
    )
    part = [{k: v[f] for k, v in s.items()} for s, f in zip((real, made), forming, strict=True)]
    shares = f"{forming[0].mean():.0%} of the real, {forming[1].mean():.0%} of the simulated ones"
    return [Sample("eco", note, real, made), Sample("eco star-forming", shares, *part)]


# -- magnitudes and colours ----------------------------------------------------------------------


def colours(magnitude: Mapping[str, np.ndarray]) -> Values:
    """The magnitude r and the four colours of neighbouring bands."""
    pairs = {f"{a}-{b}": magnitude[a] - magnitude[b] for a, b in ("ug", "gr", "ri", "iz")}
    return {"r": magnitude["r"]} | pairs


def alike(real: Values, made: Values, by: tuple[str, ...], rng: np.random.Generator) -> Values:
    """For each real object one of the five simulated ones next to it in some quantities."""
    scale = np.array([max(spread_out(real[name]), 1e-9) for name in by])
    places = [np.stack([v[name] for name in by], axis=1) / scale for v in (made, real)]
    near = KDTree(places[0]).query(places[1], k=5)[1]
    rows = near[np.arange(len(near)), rng.integers(5, size=len(near))]
    return {name: values[rows] for name, values in made.items()}


def dr14(data: Path, seed: int, source: str) -> list[Sample]:
    """Stars, galaxies and quasars of the DR14 table beside `sgq3`, below the table's limit in u."""
    table = read(data / "catalogues" / "kaggle_dr14_dev.csv")
    task = replace(sgq3.sgq3(), measure=known)
    options = SkyOptions(stellar=source, prior={"STAR": 0.35, "GALAXY": 0.4, "QSO": 0.25})
    sky = observed(task, 4 * PLATE, seed, options)
    samples: list[Sample] = []
    rng = np.random.default_rng(seed)
    for label, kind in (("GALAXY", "galaxy"), ("QSO", "quasar"), ("STAR", "star")):
        chosen = (table["class"] == label) & (table["u"] < KAGGLE_LIMIT)
        drawn = (sky["truth_kind"] == kind) & (sky["u"] < KAGGLE_LIMIT)
        pair: list[Values] = []
        for values, rows in ((table, chosen), (sky, drawn)):
            found = colours({band: values[band][rows] for band in "ugriz"})
            if kind != "star":
                found["redshift"] = values["redshift"][rows]
            pair.append(found)
        real, made = pair
        by = ("r",) if kind == "star" else ("r", "redshift")
        limit = f"u < {KAGGLE_LIMIT}"
        samples.append(Sample(f"dr14 {kind}", limit, real, made))
        same = ({n: v for n, v in s.items() if n not in by}
                for s in (real, alike(real, made, by, rng)))  # fmt: skip
        samples.append(Sample(f"dr14 {kind} matched", f"{limit}; same {', '.join(by)}", *same))
    return samples


def horizontal_branch(data: Path, seed: int) -> list[Sample]:
    """The catalogue's horizontal-branch stars beside those of `bhb2` in its colour box."""
    table = read(data / "catalogues" / "bhb_dev.csv")
    task = replace(bhb2.bhb2(), measure=_blue)
    sky = observed(task, 2 * PLATE, seed, SkyOptions())
    clear = {b: sky[f"psfmag_{b}"] - sky[f"extinction_{b}"] for b in "ugr"}
    g = table["abs_mag_gr"] + 5.0 * np.log10(table["dist_gr"] / 10.0)
    real = {"u-g": table["ug"], "g-r": table["gr"], "g": g,
            "Teff": table["teff_adop"], "log g": table["logg_adop"]}  # fmt: skip
    made = {"u-g": clear["u"] - clear["g"], "g-r": clear["g"] - clear["r"], "g": clear["g"],
            "Teff": sky["teff"], "log g": sky["logg"]}  # fmt: skip
    good = np.all([np.isfinite(v) for v in real.values()], axis=0)
    box = {n: np.nanpercentile(real[n], (0.5, 99.5)) for n in ("u-g", "g-r", "g")}
    inside = np.all([(made[n] > low) & (made[n] < high) for n, (low, high) in box.items()], axis=0)
    chosen = inside & (sky["star_type"] == "BHB")
    real = {name: values[good] for name, values in real.items()}
    made = {name: values[chosen] for name, values in made.items()}
    rng = np.random.default_rng(seed)
    same = ({n: v for n, v in s.items() if n not in ("g", "g-r")}
            for s in (real, alike(real, made, ("g", "g-r"), rng)))  # fmt: skip
    return [
        Sample("bhb", "the catalogue's ranges of u-g, g-r and g", real, made),
        Sample("bhb matched", "same g, g-r", *same),
    ]


def _blue(
    rng: np.random.Generator, objects: Objects, fields: Fields, options: SkyOptions
) -> Columns:
    columns = known(rng, objects, fields, options)
    return columns | bhb2.measured_parameters(fields, columns["redshift"], options)


# -- distances -----------------------------------------------------------------------------------


def distances(sample: Sample) -> dict[str, dict[str, float]]:
    """Medians and distances of each quantity."""
    found: dict[str, dict[str, float]] = {}
    for name, real in sample.real.items():
        made = sample.made[name]
        found[name] = {
            "real": float(np.median(real)),
            "simulated": float(np.median(made)),
            "spread_real": spread_out(real),
            "spread_simulated": spread_out(made),
            "ks": float(ks_2samp(real, made).statistic),
            "wasserstein": float(wasserstein_distance(real, made)) / spread_out(real),
        }
    return found


def told_apart(sample: Sample, seed: int) -> tuple[float, float, float]:
    """AUC of real against simulated, and its 95 % interval over objects."""
    rng = np.random.default_rng(seed)
    sides = [np.stack(list(values.values()), axis=1) for values in (sample.real, sample.made)]
    least = min(len(side) for side in sides)
    inputs = np.concatenate([side[rng.permutation(len(side))[:least]] for side in sides])
    target = np.repeat([1, 0], least)
    order = rng.permutation(target.size)
    model = HistGradientBoostingClassifier(max_iter=100, max_leaf_nodes=15, random_state=seed)
    given = (inputs[order], target[order])
    score = cross_val_predict(model, *given, cv=5, method="predict_proba")[:, 1]
    drawn = [rng.integers(target.size, size=target.size) for _ in range(400)]
    many = [roc_auc_score(given[1][rows], score[rows]) for rows in drawn]
    low, high = np.percentile(many, (2.5, 97.5))
    return float(roc_auc_score(given[1], score)), float(low), float(high)


def histograms(sample: Sample) -> Figure:
    """Real and simulated values of every quantity, each of unit area."""
    count = len(sample.real)
    figure = Figure(figsize=(2.5 * count, 2.3), layout="constrained")
    for axes, (name, real) in zip(np.atleast_1d(figure.subplots(1, count)), sample.real.items(),
                                  strict=True):  # fmt: skip
        made = sample.made[name]
        edges = np.linspace(*np.percentile(np.concatenate([real, made]), (0.5, 99.5)), 32)
        axes.hist(real, edges, density=True, color=REAL, alpha=0.35, label=f"real ({real.size})")
        axes.hist(made, edges, density=True, histtype="step", color=MADE, lw=1.3,
                  label=f"simulated ({made.size})")  # fmt: skip
        axes.set_xlabel(name, fontsize=8)
        axes.tick_params(labelsize=6, labelleft=False, length=2)
    np.atleast_1d(figure.axes)[0].legend(fontsize=6)
    return figure


def plane(sample: Sample) -> Figure:
    """The BPT plane, real and simulated galaxies beside each other, with Kauffmann's line."""
    figure = Figure(figsize=(7.2, 3.3), layout="constrained")
    across, up = np.meshgrid(np.linspace(-1.6, 0.5, 500), np.linspace(-1.3, 1.3, 500))
    below = bpt.below_kauffmann03(across, up).astype(float)
    for axes, (name, values) in zip(
        figure.subplots(1, 2, sharey=True), {"real": sample.real, "simulated": sample.made}.items(),
        strict=True,
    ):  # fmt: skip
        x, y = values["log [N II]/Ha"], values["log [O III]/Hb"]
        axes.scatter(x, y, s=2, color=REAL if name == "real" else MADE, alpha=0.5)
        axes.contour(across, up, below, [0.5], colors="black", linewidths=1)
        axes.set(xlim=(-1.6, 0.5), ylim=(-1.3, 1.3), xlabel="log [N II]/Hα")
        axes.set_title(f"{x.size} {name} galaxies", fontsize=8)
    figure.axes[0].set_ylabel("log [O III]/Hβ")
    return figure


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder that holds catalogues/")
    parser.add_argument("--out", type=Path, required=True, help="folder of numbers and pictures")
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--stellar", choices=("analytic", "bagpipes"), default="bagpipes")
    parser.add_argument("--only", nargs="+", default=PARTS, choices=PARTS)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    samples: list[Sample] = []
    if "eco" in given.only:
        samples += nearby(given.data, given.seed, given.stellar)
        plane(samples[0]).savefig(given.out / "against_bpt.png", dpi=90)
    if "dr14" in given.only:
        samples += dr14(given.data, given.seed, given.stellar)
    if "bhb" in given.only:
        samples += horizontal_branch(given.data, given.seed)
    report: dict[str, object] = {}
    for sample in samples:
        auc = None if "matched" in sample.name else told_apart(sample, given.seed)
        found = distances(sample)
        sizes = [next(iter(v.values())).size for v in (sample.real, sample.made)]
        report[sample.name] = {"n": sizes, "note": sample.note, "auc": auc, "of": found}
        said = f": AUC {auc[0]:.3f} ({auc[1]:.3f} to {auc[2]:.3f})" if auc else ""
        print(f"{sample.name} (n {sizes[0]}, {sizes[1]}; {sample.note}){said}")
        for name, v in found.items():
            print(f"  {name:16s} {v['real']:9.3f} +- {v['spread_real']:.3f}  simulated "
                  f"{v['simulated']:9.3f} +- {v['spread_simulated']:.3f}  KS {v['ks']:.3f}  "
                  f"W {v['wasserstein']:.2f}")  # fmt: skip
        if "matched" not in sample.name and sample.name != "eco star-forming":
            picture = given.out / f"against_{sample.name.replace(' ', '_')}.png"
            histograms(sample).savefig(picture, dpi=80)
    text = json.dumps(report, indent=1, sort_keys=True) + "\n"
    (given.out / "against.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
