"""How much will come, from the sizes of a few files, and a disk that is too small."""

import pytest

from trifid.errors import ConfigError
from trifid.fetch.volume import TYPICAL, Volume, estimate, refuse_if_too_large

SPECTRA = [f"dr17/lite/{i}.fits" for i in range(100)]
FRAMES = [f"dr17/frames/{i}.fits.bz2" for i in range(50)]


class Sizes:
    def __init__(self, size):
        self.asked, self._size = [], size

    def size(self, path):
        self.asked.append(path)
        return self._size


def test_a_few_sizes_stand_for_all(tmp_path):
    source = Sizes(1000)
    volume = estimate(lambda: SPECTRA + FRAMES, source, tmp_path, lite=True)
    assert (volume.files, volume.size) == (150, 157_500)
    assert source.asked == SPECTRA[:99:33] + FRAMES[:48:16] and volume.free > 0


def test_without_sizes_typical_ones_are_taken(tmp_path):
    volume = estimate(lambda: SPECTRA, Sizes(None), tmp_path, lite=True)
    assert volume.size == round(100 * TYPICAL["spectrum"] * 1.05)
    full = estimate(lambda: SPECTRA, Sizes(None), tmp_path, lite=False)
    assert full.size > volume.size
    assert estimate(list, Sizes(1), tmp_path, lite=True).size == 0


def test_what_the_disk_cannot_hold_is_refused(tmp_path):
    refuse_if_too_large(Volume(1, 10**9, 2 * 10**9), tmp_path)
    with pytest.raises(ConfigError, match=r"about 5 TB; 2 GB free on disk; fetch less with"):
        refuse_if_too_large(Volume(1, 5 * 10**12, 2 * 10**9), tmp_path)
