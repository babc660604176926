"""Objects, the files they need, and what became of them."""

import pyarrow as pa

from trifid.fetch.manifest import SCHEMA, manifest, plan
from trifid.surveys.sdss_paths import RELEASES

DR17 = RELEASES["dr17"]
ROW = {
    "specobjid": "1", "bestobjid": "1237", "plate": 266, "mjd": 51602, "fiberid": 13,
    "run2d": "26", "run": 4948, "rerun": 301, "camcol": 3, "field": 199,
}  # fmt: skip


def catalogue(*changes):
    return pa.Table.from_pylist([ROW | change for change in changes])


def test_an_object_needs_its_spectrum_and_five_frames():
    (item,) = plan(catalogue({}), DR17, lite=True, images=True)
    assert item.paths[0].endswith("/lite/0266/spec-0266-51602-0013.fits")
    assert [path.rsplit("/", 1)[1][6] for path in item.paths[1:]] == list("ugriz")
    (item,) = plan(catalogue({}), DR17, lite=False, images=False)
    assert item.paths == ("dr17/sdss/spectro/redux/26/spectra/0266/spec-0266-51602-0013.fits",)


def test_objects_of_a_field_share_its_frames():
    first, second = plan(catalogue({}, {"fiberid": 14}), DR17, lite=True, images=True)
    assert first.paths[1:] == second.paths[1:] and first.paths[0] != second.paths[0]


def test_a_row_of_the_catalogue_cannot_lead_out_of_the_folder():
    rows = catalogue({"run2d": "../../.."}, {"camcol": 9}, {"run": None, "bestobjid": None})
    wrong, odd, dark = plan(rows, DR17, lite=True, images=True)
    assert wrong.paths == () and "run2d '../../..'" in wrong.problem
    assert len(odd.paths) == 1 and "camcol 9" in odd.problem
    assert len(dark.paths) == 1 and dark.problem == "no image: it has no photometric object"


def test_every_object_is_present_or_says_why_not():
    rows = catalogue({}, {"fiberid": 14}, {"run2d": "x"})
    planned = plan(rows, DR17, lite=True, images=True)
    hashes = dict.fromkeys(planned[0].paths, "ab")
    reasons = {planned[1].paths[0]: "the archive has no such file (404)"}
    table = manifest(rows, planned, hashes, reasons)
    assert table.schema == SCHEMA
    whole, part, none = table.to_pylist()
    assert whole["status"] == "present" and whole["reason"] is None
    assert whole["paths"] == list(planned[0].paths) and whole["sha256"] == ["ab"] * 6
    assert part["status"] == "partial" and len(part["paths"]) == 5
    assert part["reason"] == "spec-0266-51602-0014.fits: the archive has no such file (404)"
    assert none["status"] == "missing" and "run2d 'x'" in none["reason"]
    assert whole["object_id"] == "sdss-0266-51602-0013"
