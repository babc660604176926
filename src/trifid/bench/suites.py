"""The suites that come with trifid: the papers' comparisons, small enough for two cores.

Each is smaller than in its paper by what `set` says, of the suite and of its contenders: fewer
epochs, spectra averaged over four pixels, and the narrow models of the `_small` recipes. What that
means for the numbers is in docs/science/experiments.md. The first contender is the reference.
"""

from itertools import combinations

from trifid.bench.suite import Contender, Suite

_QUARTER = ("inputs.spectrum.length=3840", "inputs.spectrum.rebin=4")  # 960 pixels of 276 km/s
_HALF = ("inputs.spectrum.rebin=2",)  # six strided blocks of GaSNet-II take no fewer pixels
_ZSFR = ("inputs.spectrum.length=3656", "inputs.spectrum.rebin=4")  # 914 pixels
_BHB2_SPECTRUM = ("inputs.spectrum.length=3520", "inputs.spectrum.rebin=4")  # 880 pixels
_BHB2 = (*_BHB2_SPECTRUM, "inputs.image.crop=16")  # 6.3 arcsec; stars are points
_NARROW = ("model.image.channels=[16, 32, 64, 128]",)
_ZSFR_IMAGE = (*_NARROW, "inputs.image.resize=16")  # half the sampling
_ALONE = "training.modality_dropout=0.0"
_BHB_IMAGE = (
    'inputs={image={kind="image", bands=["u", "g", "r", "i", "z"], crop=16}}',
    _ALONE,
)
_BHB_SPECTRUM = (
    'inputs={spectrum={kind="spectrum", log10_start=3.6021, length=3520, rebin=4}}',
    _ALONE,
)
_BATMM = ("model.cross=image", "model.alignment=0.0")
_FROZEN = "model.unfreeze=[0.0]"
_HALVED = "inputs.image_rgb.resize=32"
_EACH = "inputs.image_rgb.norm=per_image_zscore"
_MAGNITUDES = "inputs.table.feature_set=ugriz5"
_LEAKY = "inputs.table.feature_set=ugriz_z"
_PARTS = {
    "image": 'image={kind="image"}',
    "spectrum": 'spectrum={kind="spectrum", length=3840, rebin=4}',
    "table": 'table={kind="table"}',
    "leaky": 'table={kind="table", feature_set="paper"}',
}
_TABLES = ("table", "leaky")
_REST = 'spectrum={kind="spectrum", frame="rest", length=533, step=6.0}'
_RESTED = (("spectrum",), ("image", "spectrum"), ("image", "spectrum", "leaky"))


def _galaxy4_small() -> Suite:
    """Six models of galaxy4 under one budget (GCSNet, tables 2 and 3)."""
    return Suite(
        name="galaxy4_small",
        contenders=(
            Contender(name="gcsnet", recipe="galaxy4"),
            Contender(name="gcsnet-spectrum", recipe="galaxy4_spectrum"),
            Contender(name="gasnet2", recipe="galaxy4_gasnet2", set=_HALF),
            Contender(name="mb-istl", recipe="galaxy4_mb_istl", set=_NARROW),
            Contender(name="transformer-fusion", recipe="galaxy4_transformer_fusion"),
            Contender(name="boosted-trees", recipe="galaxy4_boosted"),
        ),
        set=("training.epochs=8", *_QUARTER),
    )


def _zsfr_grid() -> Suite:
    """Inputs, fusions and baselines for redshift and SFR (paper 003 prints none of its numbers)."""
    linear = "zsfr_linear"
    return Suite(
        name="zsfr_grid",
        contenders=(
            Contender(name="feature", recipe="zsfr", set=(*_ZSFR_IMAGE, *_ZSFR)),
            Contender(name="late", recipe="zsfr_late_fusion", set=(*_ZSFR_IMAGE, *_ZSFR)),
            Contender(
                name="early", recipe="zsfr_early_fusion", set=(*_ZSFR, "inputs.image.resize=16")
            ),
            Contender(name="spectrum", recipe="zsfr_spectrum", set=_ZSFR),
            Contender(name="image", recipe="zsfr_image", set=_ZSFR_IMAGE),
            Contender(
                name="feature-free-quantiles",
                recipe="zsfr",
                set=(*_ZSFR_IMAGE, *_ZSFR, "model.monotone=false"),
            ),
            Contender(name="linear", recipe=linear, set=_ZSFR),
            Contender(name="linear-spectrum", recipe="zsfr_linear_spectrum", set=_ZSFR),
            Contender(name="linear-image", recipe="zsfr_linear_image"),
            Contender(name="forest", recipe="zsfr_forest", set=_ZSFR),
            Contender(name="forest-spectrum", recipe="zsfr_forest_spectrum", set=_ZSFR),
            Contender(name="forest-image", recipe="zsfr_forest_image"),
            Contender(
                name="photometry-linear", recipe=linear, set=('inputs={table={kind="table"}}',)
            ),
            Contender(name="redshift-linear", recipe=linear, set=(_table("redshift"),)),
            Contender(
                name="redshift-r-linear", recipe=linear, set=(_table("redshift", "modelmag_r"),)
            ),
        ),
        set=("training.epochs=8", "training.batch_size=32"),
    )


def _bhb2_tables() -> Suite:
    """Encoders, Transformer and comparison of BATMM, tables 6 to 8, and numbers of segments."""
    early, full = "bhb2_early_small", "bhb2_small"
    no_segment = "model.semantic=false"
    return Suite(
        name="bhb2_tables",
        contenders=(
            Contender(name="batmm", recipe=full, set=(*_BHB2, *_BATMM)),
            Contender(name="transformer-spectrum", recipe=full, set=(*_BATMM, *_BHB_SPECTRUM)),
            Contender(
                name="transformer-image-cross", recipe=full, set=(*_BHB2, *_BATMM, no_segment)
            ),
            Contender(
                name="transformer-image-segment",
                recipe=full,
                set=(*_BHB2, *_BATMM, "model.cross=none"),
            ),
            Contender(name="vgg1d-attention", recipe=early, set=_BHB_SPECTRUM),
            Contender(name="resnet-se", recipe=early, set=_BHB_IMAGE),
            Contender(name="svm", recipe="bhb2_svm", set=_BHB2_SPECTRUM),
            Contender(name="xgboost", recipe="bhb2_xgboost", set=_BHB2_SPECTRUM),
            Contender(name="early-concat", recipe=early, set=(*_BHB2, "model.fuse=concat")),
            Contender(name="early-add", recipe=early, set=(*_BHB2, "model.fuse=add")),
            Contender(name="early-vgg1d", recipe=early, set=_BHB2),
            Contender(
                name="transformer-image",
                recipe=full,
                set=(*_BHB2, *_BATMM, "model.cross=none", no_segment),
            ),
            Contender(
                name="vgg1d", recipe=early, set=(*_BHB_SPECTRUM, "model.spectrum.segments=1")
            ),
            Contender(
                name="resnet", recipe=early, set=(*_BHB_IMAGE, "model.image.excitation=false")
            ),
            *(
                Contender(
                    name=f"batmm-{count}-segments",
                    recipe=full,
                    set=(*_BHB2, *_BATMM, f"model.spectrum.segments={count}"),
                )
                for count in (1, 3, 14)
            ),
        ),
        set=("training.epochs=8", "training.batch_size=32"),
    )


def _bhb2_scaling() -> Suite:
    """Image, spectrum and both on bhb2; images that keep their flux, and BATMM's that do not."""
    recipe = "bhb2_early_small"
    alone = _BHB_IMAGE[0].replace("crop=16", 'crop=16, norm="per_image_minmax"')
    return Suite(
        name="bhb2_scaling",
        contenders=(
            Contender(name="fused", recipe=recipe, set=_BHB2),
            Contender(
                name="fused-minmax",
                recipe=recipe,
                set=(*_BHB2, "inputs.image.norm=per_image_minmax"),
            ),
            Contender(name="spectrum", recipe=recipe, set=_BHB_SPECTRUM),
            Contender(name="image", recipe=recipe, set=_BHB_IMAGE),
            Contender(name="image-minmax", recipe=recipe, set=(alone, _ALONE)),
        ),
        set=("training.epochs=30", "training.batch_size=32"),
    )


def _sgq3_pictures() -> Suite:
    """Pictures, table and both, scaled and frozen in two ways each (paper 002, tables 5 to 8)."""
    picture, both, ann = "sgq3_picture_small", "sgq3_cnn_ann_small", "sgq3_ann"
    return Suite(
        name="sgq3_pictures",
        contenders=(
            Contender(name="picture+ann", recipe=both, set=(_MAGNITUDES, _HALVED)),
            Contender(
                name="picture+ann-each-scaled", recipe=both, set=(_MAGNITUDES, _HALVED, _EACH)
            ),
            Contender(name="picture+ann-frozen", recipe=both, set=(_MAGNITUDES, _HALVED, _FROZEN)),
            Contender(name="ann", recipe=ann, set=(_MAGNITUDES,)),
            Contender(name="picture", recipe=picture, set=(_HALVED,)),
            Contender(name="picture-each-scaled", recipe=picture, set=(_HALVED, _EACH)),
            Contender(name="picture-frozen", recipe=picture, set=(_HALVED, _FROZEN)),
            Contender(name="picture+ann-redshift", recipe=both, set=(_LEAKY, _HALVED)),
            Contender(name="ann-redshift", recipe=ann, set=(_LEAKY,)),
        ),
        set=("training.epochs=8", "training.batch_size=32"),
    )


def _galaxy4_grid() -> Suite:
    """Inputs and frames of a narrow GCSNet, and the default without each of its parts.

    Splits by chance and seeds beyond three are in `recipes/galaxy4_grid.py`: a leaderboard compares
    on shared objects only.
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
    narrow = "galaxy4_narrow"
    return Suite(
        name="galaxy4_grid",
        contenders=(
            Contender(name="all", recipe=narrow, set=_QUARTER),
            *inputs,
            *(Contender(name=n, recipe=narrow, set=(*_QUARTER, c)) for n, c in parts.items()),
        ),
        set=("training.epochs=8",),
    )


def _row(*parts: str, rest: bool = False) -> Contender:
    """A narrow GCSNet on some inputs; `rest` takes the pipeline's redshift as known."""
    known = _PARTS | {"spectrum": _REST} if rest else _PARTS
    change = "inputs={" + ", ".join(known[part] for part in parts) + "}"
    alone = (_ALONE,) if len(parts) == 1 else ()
    name = "+".join(parts) + ("-rest" if rest else "")
    return Contender(name=name, recipe="galaxy4_narrow", set=(change, *alone))


def _table(*features: str) -> str:
    """The change that leaves these columns of the catalogue row as the only input."""
    return f'inputs={{table={{kind="table", features={list(features)}}}}}'.replace("'", '"')


SUITES = {
    suite.name: suite
    for suite in (
        _galaxy4_small(),
        _galaxy4_grid(),
        _zsfr_grid(),
        _bhb2_tables(),
        _bhb2_scaling(),
        _sgq3_pictures(),
    )
}
