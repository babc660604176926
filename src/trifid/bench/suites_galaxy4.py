"""The suites of galaxy4: six models, and one change at a time in a narrow GCSNet.

`recipes/galaxy4_grid.py` holds the whole grid at full width and with five seeds.
"""

from itertools import combinations

from trifid.bench.suite import Contender, Suite

_QUARTER = ("inputs.spectrum.length=3840", "inputs.spectrum.rebin=4")  # 960 pixels of 276 km/s
_HALF = ("inputs.spectrum.rebin=2",)  # six strided blocks of GaSNet-II take no fewer pixels
_THIN = ("model.image.channels=[16, 32, 64, 128]",)
_ALONE = "training.modality_dropout=0.0"
_NARROW = "galaxy4_narrow"
_BUDGET = ("training.epochs=8",)
_PARTS = {
    "image": 'image={kind="image"}',
    "spectrum": 'spectrum={kind="spectrum", length=3840, rebin=4}',
    "table": 'table={kind="table"}',
    "leaky": 'table={kind="table", feature_set="paper"}',
}
_TABLES = ("table", "leaky")
_REST = 'spectrum={kind="spectrum", frame="rest", length=533, step=6.0}'
_PREDICTED = _REST.replace("}", ', redshift_column="redshift_predicted"}')
_RESTED = (("spectrum",), ("image", "spectrum"), ("image", "spectrum", "leaky"))


def _galaxy4_small() -> Suite:
    """Six models of galaxy4 under one budget (GCSNet, tables 2 and 3)."""
    return Suite(
        name="galaxy4_small",
        contenders=(
            Contender(name="gcsnet", recipe="galaxy4"),
            Contender(name="gcsnet-spectrum", recipe="galaxy4_spectrum"),
            Contender(name="gasnet2", recipe="galaxy4_gasnet2", set=_HALF),
            Contender(
                name="mb-istl",
                recipe="galaxy4_mb_istl",
                set=("model.image.channels=[16, 32, 64, 128]",),
            ),
            Contender(name="transformer-fusion", recipe="galaxy4_transformer_fusion"),
            Contender(name="boosted-trees", recipe="galaxy4_boosted"),
        ),
        set=("training.epochs=8", *_QUARTER),
    )


def _galaxy4_grid() -> Suite:
    """Inputs and frames of a narrow GCSNet, and the default without each of its parts.

    The suites `galaxy4_frames`, `_sizes`, `_splits` and `_augment` hold the rest of the grid.
    """
    inputs = [
        *(_row(part) for part in _PARTS),
        *(_row(a, b) for a, b in combinations(_PARTS, 2) if {a, b} != set(_TABLES)),
        _row("image", "spectrum", "leaky"),
        *(_row(*parts, rest=True) for parts in _RESTED),
    ]
    parts = {
        "no-attention": "model.fusion.attention=false",
        "no-skip": "model.skip=false",
        "no-cosine": 'model.head={kind="linear"}',
        "no-auxiliary": "model.auxiliary=none",
        "no-token-norm": "model.token_norm=false",
        "no-mixup": "training.mixup=0.0",
        "no-sampler": "training.sampling=shuffled",
        "no-smoothing": "training.label_smoothing=0.0",
        "no-modality-dropout": _ALONE,
        "image-each-scaled": "inputs.image.norm=per_image_zscore",
    }
    return Suite(
        name="galaxy4_grid",
        contenders=(
            Contender(name="all", recipe=_NARROW, set=_QUARTER),
            *inputs,
            *(Contender(name=n, recipe=_NARROW, set=(*_QUARTER, c)) for n, c in parts.items()),
        ),
        set=("training.epochs=8",),
    )


def _galaxy4_frames() -> Suite:
    """The observed and the rest frame, by the pipeline's and by a predicted redshift.

    Beside the frame it changes what the paper changed with it: sampling and normalisation. The
    store needs a column `redshift_predicted` (see docs/guide/train.md).
    """
    fused = ("image", "table")
    observed, rest = _PARTS["spectrum"], _REST
    alone = {
        "spectrum": observed,
        "spectrum-coarse": observed.replace("rebin=4", "rebin=8"),
        "spectrum-mean": _with(observed, 'norm="mean"'),
        "rest": rest,
        "rest-fine": rest.replace("length=533, step=6.0", "length=1600, step=2.0"),
        "rest-mean": _with(rest, 'norm="mean"'),
        "rest-predicted": _PREDICTED,
    }
    together = {"all": observed, "all-rest": rest, "all-rest-predicted": _PREDICTED}
    return Suite(
        name="galaxy4_frames",
        contenders=(
            *(_inputs(name, text, alone=True) for name, text in alone.items()),
            *(_inputs(n, text, *(_PARTS[part] for part in fused)) for n, text in together.items()),
        ),
        set=_BUDGET,
    )


def _galaxy4_sizes() -> Suite:
    """Cutouts of 32, 64 and 128 pixels, three scalings of images, 1, 4 and 16 tokens a modality.

    The images of the store need 128 pixels.
    """
    default = (*_QUARTER, "inputs.image.crop=32")
    changes = {
        "crop-64": ("inputs.image.crop=64",),
        "crop-128": ("inputs.image.crop=128",),
        "image-zscore": ("inputs.image.norm=zscore",),
        "image-each-scaled": ("inputs.image.norm=per_image_zscore",),
        "tokens-1": _tokens(1),
        "tokens-16": _tokens(4),
    }
    return Suite(
        name="galaxy4_sizes",
        contenders=(
            Contender(name="all", recipe=_NARROW, set=default),
            *(Contender(name=n, recipe=_NARROW, set=(*default, *c)) for n, c in changes.items()),
        ),
        set=_BUDGET,
    )


def _galaxy4_splits() -> Suite:
    """Splits that keep plates together, and splits by chance; five folds, so all rows are judged.

    Repeats of an object stay together in both.
    """
    inputs = {"all": _QUARTER, "rest": (f"inputs={{{_REST}}}", _ALONE)}
    return Suite(
        name="galaxy4_splits",
        contenders=tuple(
            Contender(name=f"{name}-{how}", recipe=_NARROW, set=(*change, f"split.by={by}"))
            for name, change in inputs.items()
            for how, by in (("plate", "plate"), ("random", "group"))
        ),
        folds=5,
        set=_BUDGET,
    )


def _galaxy4_augment() -> Suite:
    """Each augmentation alone, all together, and mixup of rest-frame spectra switched off."""
    kinds = {
        "flips": "flips=true",
        "rotations": "rotations=true",
        "shift": "shift=0.5",
        "image-noise": "image_noise=1.0",
        "band-dropout": "band_dropout=0.2",
        "spectrum-noise": "spectrum_noise=1.0",
        "redshift-jitter": "redshift_shift=40",  # 2,760 km/s
        "continuum-tilt": "continuum_tilt=0.3",
        "cell-dropout": "cell_dropout=0.2",
    }
    switched: dict[str, tuple[str, ...]]
    switched = {name: (f"training.augment.{text}",) for name, text in kinds.items()}
    switched["everything"] = tuple(change for found in switched.values() for change in found)
    rest = _inputs("rest", _REST, _PARTS["image"], _PARTS["table"])
    return Suite(
        name="galaxy4_augment",
        contenders=(
            Contender(name="none", recipe=_NARROW, set=_QUARTER),
            *(Contender(name=n, recipe=_NARROW, set=(*_QUARTER, *c)) for n, c in switched.items()),
            rest,
            rest.replace(name="rest-no-mixup", set=(*rest.set, "training.mixup=0.0")),
        ),
        set=_BUDGET,
    )


def _row(*parts: str, rest: bool = False) -> Contender:
    """A narrow GCSNet on some inputs; `rest` takes the pipeline's redshift as known."""
    known = _PARTS | {"spectrum": _REST} if rest else _PARTS
    change = "inputs={" + ", ".join(known[part] for part in parts) + "}"
    alone = (_ALONE,) if len(parts) == 1 else ()
    name = "+".join(parts) + ("-rest" if rest else "")
    return Contender(name=name, recipe=_NARROW, set=(change, *alone))


def _inputs(name: str, *inputs: str, alone: bool = False) -> Contender:
    """A narrow GCSNet on inputs spelled out."""
    change = "inputs={" + ", ".join(inputs) + "}"
    return Contender(name=name, recipe=_NARROW, set=(change, *((_ALONE,) if alone else ())))


def _with(text: str, field: str) -> str:
    """An input with one more field."""
    return text.replace("}", f", {field}}}")


def _tokens(side: int) -> tuple[str, ...]:
    """Tokens of every modality, from images cut into `side` x `side` cells."""
    count = side**2
    parts = ("spectrum", "table", "fusion")
    tokens = (f"model.{part}.tokens_out={count}" for part in parts)
    return (f"model.image.grid={side}", *tokens)


GALAXY4 = (
    _galaxy4_small(),
    _galaxy4_grid(),
    _galaxy4_frames(),
    _galaxy4_sizes(),
    _galaxy4_splits(),
    _galaxy4_augment(),
)
