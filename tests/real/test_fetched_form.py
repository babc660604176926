"""Real spectra and a real frame count as whole; cut short, they do not."""

import pytest

from trifid.errors import InputError
from trifid.fetch.check import check_form


def test_real_files_are_whole_and_cut_ones_are_not(shared_data, tmp_path):
    files = [
        path
        for pattern in ("*/spec-*.fits", "frames/frame-*.fits.bz2")
        for path in sorted(shared_data.glob(pattern))
    ]
    assert len(files) > 150
    for path in files:
        check_form(path, path.name)
    part = tmp_path / "part"
    for path in (files[0], files[-1]):
        size = path.stat().st_size
        for kept in (0, 2880, size // 2 // 2880 * 2880, size - 2880, size - 1):
            part.write_bytes(path.read_bytes()[:kept])
            with pytest.raises(InputError):
                check_form(part, path.name)
