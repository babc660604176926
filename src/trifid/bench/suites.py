"""The suites that come with trifid: the papers' comparisons, small enough for two cores.

Each is smaller than in its paper by what `set` says, of the suite and of its contenders: fewer
epochs, spectra averaged over four pixels, and the narrow models of the `_small` recipes. What that
means for the numbers is in docs/science/experiments.md. The first contender is the reference.
"""

from trifid.bench.suite import Contender, Suite
from trifid.bench.suites_galaxy4 import GALAXY4

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
            Contender(name="stacked", stack=("image", "spectrum")),
            Contender(name="weighted", stack=("image", "spectrum"), way="inverse_mse"),
            Contender(name="mean", recipe="zsfr_mean", set=_ZSFR),
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


def _bhb2_quarter() -> Suite:
    """The five rows of BATMM's table 7 at a quarter of its width."""
    recipe, no_segment, no_cross = "bhb2_quarter", "model.semantic=false", "model.cross=none"
    rows = {
        "batmm": (),
        "transformer-image-cross": (no_segment,),
        "transformer-image-segment": (no_cross,),
        "transformer-image": (no_cross, no_segment),
    }
    return Suite(
        name="bhb2_quarter",
        contenders=(
            *(Contender(name=n, recipe=recipe, set=(*_BHB2_SPECTRUM, *c)) for n, c in rows.items()),
            Contender(name="transformer-spectrum", recipe=recipe, set=_BHB_SPECTRUM),
        ),
        set=("training.epochs=8", "training.warmup=1", "training.batch_size=32"),
    )


def _bhb2_stages() -> Suite:
    """BATMM in two stages and end to end, each with and without alignment before fusion."""
    both = {
        "batmm": (),
        "batmm-aligned": ("model.alignment=0.1",),
        "end-to-end": ("model.stages=end_to_end",),
        "end-to-end-aligned": ("model.stages=end_to_end", "model.alignment=0.1"),
        "cross-both-ways": ("model.cross=bidirectional",),
    }
    return Suite(
        name="bhb2_stages",
        contenders=tuple(
            Contender(name=name, recipe="bhb2_small", set=(*_BHB2, *_BATMM, *change))
            for name, change in both.items()
        ),
        set=("training.epochs=16", "training.warmup=1", "training.batch_size=32"),
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


def _sgq3_backbones() -> Suite:
    """ImageNet's networks from random weights on 64 pixels, alone and with a table of magnitudes.

    Paper 002, tables 5 to 8, in the order of its table 5; with `--set
    model.backbone.pretrained=true`, where there is a network, from ImageNet's weights.
    """
    alone = ("resnet50", "vgg16", "densenet121", "efficientnet_b2", "xception")
    fused = ("resnet50", "xception", "efficientnet_b2")
    small = "inputs.image_rgb.resize=64"
    return Suite(
        name="sgq3_backbones",
        contenders=(
            *(Contender(name=name, recipe=f"sgq3_{name}", set=(small,)) for name in alone),
            *(
                Contender(name=f"{name}+ann", recipe=f"sgq3_{name}_ann", set=(_MAGNITUDES, small))
                for name in fused
            ),
        ),
        set=("training.epochs=8", "training.batch_size=32"),
    )


def _series3_networks() -> Suite:
    """The review's two families for sequences on the toy light curves."""
    return Suite(
        name="series3_networks",
        contenders=(
            Contender(name="bigru", recipe="series3"),
            Contender(name="transformer", recipe="series3_transformer"),
        ),
        set=("training.epochs=8", "training.batch_size=32"),
    )


def _table(*features: str) -> str:
    """The change that leaves these columns of the catalogue row as the only input."""
    return f'inputs={{table={{kind="table", features={list(features)}}}}}'.replace("'", '"')


SUITES = {
    suite.name: suite
    for suite in (
        *GALAXY4,
        _zsfr_grid(),
        _bhb2_tables(),
        _bhb2_quarter(),
        _bhb2_stages(),
        _bhb2_scaling(),
        _sgq3_pictures(),
        _sgq3_backbones(),
        _series3_networks(),
    )
}
