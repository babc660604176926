"""A copy of the archive in a folder, alone or before the archive."""

import pytest

from trifid.errors import ConfigError
from trifid.fetch.local import Folder, FolderFirst
from trifid.fetch.remote import Unavailable

CARDS = ("SIMPLE  =                    T", "BITPIX  =                    8",
         "NAXIS   =                    0", "END")  # fmt: skip
FITS = "".join(card.ljust(80) for card in CARDS).encode().ljust(2880)


class Elsewhere:
    def fetch(self, path, target):
        target.write_bytes(b"from elsewhere")

    def size(self, path):
        return 14


@pytest.fixture
def base(tmp_path):
    (tmp_path / "sas" / "dr17").mkdir(parents=True)
    (tmp_path / "sas" / "dr17" / "a.fits").write_bytes(FITS)
    (tmp_path / "sas" / "dr17" / "cut.fits").write_bytes(FITS[:100])
    (tmp_path / "secret.fits").write_bytes(FITS)
    (tmp_path / "sas" / "dr17" / "link.fits").symlink_to(tmp_path / "secret.fits")
    return tmp_path / "sas"


def test_a_file_is_copied_whole(base, tmp_path):
    Folder(base).fetch("dr17/a.fits", tmp_path / "a.fits")
    assert (tmp_path / "a.fits").read_bytes() == FITS
    assert Folder(base).size("dr17/a.fits") == 2880


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("dr17/b.fits", "no such file"),
        ("dr17/cut.fits", "damaged: no whole FITS file"),
        ("../secret.fits", "no such file"),
        ("dr17/link.fits", "no such file"),
        ("dr17", "no such file"),
    ],
)
def test_what_it_lacks_is_said_and_nothing_leaves_the_folder(base, tmp_path, path, message):
    target = tmp_path / "x.fits"
    with pytest.raises(Unavailable, match=message):
        Folder(base).fetch(path, target)
    assert not target.exists() and not list(tmp_path.glob(".*"))


def test_the_archive_gives_what_the_copy_lacks(base, tmp_path):
    both = FolderFirst(Folder(base), Elsewhere())
    for name, content in (("a", FITS), ("b", b"from elsewhere"), ("cut", b"from elsewhere")):
        both.fetch(f"dr17/{name}.fits", tmp_path / f"{name}.fits")
        assert (tmp_path / f"{name}.fits").read_bytes() == content
    assert (both.size("dr17/a.fits"), both.size("dr17/b.fits")) == (2880, 14)


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="no such folder"):
        Folder(tmp_path / "none")
