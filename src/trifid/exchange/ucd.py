"""UCDs: what a column means, in the words of the Virtual Observatory, by the column's name.

IVOA UCD1+ controlled vocabulary, version 1.5. Tools such as TOPCAT and Aladin find positions,
redshifts and classes by them. The first pattern that fits the whole name wins.
"""

import re

_BANDS = {
    "u": "em.opt.U",
    "g": "em.opt.B",
    "r": "em.opt.R",
    "i": "em.opt.I",
    "z": "em.opt.I",
    "w1": "em.IR.3-4um",
    "w2": "em.IR.4-8um",
    "w3": "em.IR.8-15um",
    "w4": "em.IR.15-30um",
    "fuv": "em.UV.100-200nm",
    "nuv": "em.UV.200-300nm",
}
_BAND = "|".join(_BANDS)
_ERROR = r"(?:err|error|sd|sigma)"

_MEANINGS: tuple[tuple[str, str], ...] = (
    (r"prob_.+", "stat.probability"),
    ("object_id", "meta.id;meta.main"),
    ("group|group_id", "meta.id.parent"),
    (r"\w*objid|\w*_id|specobjid|bestobjid", "meta.id"),
    ("ra", "pos.eq.ra;meta.main"),
    ("dec", "pos.eq.dec;meta.main"),
    (rf"(?:\w+_)?redshift_{_ERROR}", "stat.error;src.redshift"),
    (r"(?:\w+_)?redshift(?:_mean)?", "src.redshift"),
    ("zwarning", "meta.code.qual"),
    ("class|subclass|predicted|bpt|label", "src.class"),
    (rf".+_{_ERROR}", "stat.error"),
    (r".+_q\d+", "stat.value"),
    (r"sn_median|snr|(?:\w+_)?sn_\w+", "stat.snr"),
    (r"(?:\w+_)?vdisp", "phys.veloc.dispersion"),
    ("sfr|sfr_.+", "phys.SFR"),
    (r"ebv|ebmv|ebv_sfd|extinction_\w+", "phys.absorption"),
    ("mjd", "time.epoch"),
    ("plate|fiber|fibre", "meta.id;instr"),
    ("run2d", "meta.version"),
    ("instrument", "meta.id;instr"),
    ("used|modalities|subset", "meta.note"),
    ("out_of_domain", "meta.code.qual"),
    (r"source_path", "meta.ref;meta.file"),
)
_PATTERNS = tuple((re.compile(pattern, re.IGNORECASE), ucd) for pattern, ucd in _MEANINGS)
_MAGNITUDE = re.compile(rf"(?:\w*mag_)({_BAND})", re.IGNORECASE)
_FLUX = re.compile(rf"(?:\w*flux_)({_BAND})", re.IGNORECASE)


def ucd_of(name: str, prefix: str = "") -> str:
    """The UCD of a column; empty where its name says nothing.

    Args:
        name: Of the column.
        prefix: What the name has in front that means nothing here, such as `table_`.
    """
    name = name.removeprefix(prefix)
    for pattern, quantity in ((_MAGNITUDE, "phot.mag"), (_FLUX, "phot.flux")):
        if found := pattern.fullmatch(name):
            return f"{quantity};{_BANDS[found.group(1).lower()]}"
    return next((ucd for pattern, ucd in _PATTERNS if pattern.fullmatch(name)), "")
