"""UCDs against astropy's copy of the IVOA vocabulary."""

import pytest
from astropy.io.votable.ucd import parse_ucd

from trifid.exchange import ucd

EXPECTED = {
    "object_id": "meta.id;meta.main",
    "group": "meta.id.parent",
    "bestobjid": "meta.id",
    "ra": "pos.eq.ra;meta.main",
    "dec": "pos.eq.dec;meta.main",
    "redshift": "src.redshift",
    "redshift_mean": "src.redshift",
    "redshift_error": "stat.error;src.redshift",
    "redshift_sd": "stat.error;src.redshift",
    "class": "src.class",
    "predicted": "src.class",
    "modelmag_r": "phot.mag;em.opt.R",
    "psfMag_u": "phot.mag;em.opt.U",
    "spectroflux_z": "phot.flux;em.opt.I",
    "w1mag_w1": "phot.mag;em.IR.3-4um",
    "prob_SF": "stat.probability",
    "prob_redshift": "stat.probability",
    "sfr_avg_sd": "stat.error",
    "sn_median": "stat.snr",
    "extinction_r": "phys.absorption",
    "comment": "",
    "area": "",
    "=cmd()": "",
}


@pytest.mark.parametrize(("name", "expected"), EXPECTED.items())
def test_a_name_says_what_a_column_means(name, expected):
    assert ucd.ucd_of(name) == expected


def test_a_prefix_means_nothing():
    assert ucd.ucd_of("table_modelmag_g", prefix="table_") == "phot.mag;em.opt.B"


def test_every_ucd_is_of_the_vocabulary():
    words = {word for _, word in ucd._MEANINGS}
    words |= {f"{q};{band}" for q in ("phot.mag", "phot.flux") for band in ucd._BANDS.values()}
    for word in words:
        assert parse_ucd(word, check_controlled_vocabulary=True, has_colon=False)
