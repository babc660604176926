"""Lists of spectra from catalogue files."""

import pytest

from trifid.errors import InputError
from trifid.fetch.lists import read_keys


def test_lists_are_joined_each_spectrum_once(tmp_path):
    one, two = tmp_path / "bhb.csv", tmp_path / "others.csv"
    one.write_text("plate,mjd,fiberid,ra\n7102,56666,82,1.0\n266,51602,13,2.0\n")
    two.write_text("PLATE,MJD,FIBER\n266,51602,13\n")
    assert read_keys([one, two]) == ((266, 51602, 13), (7102, 56666, 82))


def test_a_list_without_spectra_is_refused(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text("ra,dec\n1.0,2.0\n")
    with pytest.raises(InputError, match="no row names a spectrum; expected plate, mjd"):
        read_keys([path])
