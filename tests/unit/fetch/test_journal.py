"""Notes of files that have arrived."""

from trifid.fetch import journal

ONE, TWO = "1" * 64, "2" * 64


def test_notes_outlive_the_process_and_the_last_of_a_path_counts(tmp_path):
    assert journal.noted(tmp_path) == {}
    with journal.noting(tmp_path) as note:
        note("dr17/a.fits", ONE)
        note("dr17/b.fits", ONE)
        assert journal.noted(tmp_path) == {"dr17/a.fits": ONE, "dr17/b.fits": ONE}
    with journal.noting(tmp_path) as note:
        note("dr17/b.fits", TWO)
    assert journal.noted(tmp_path) == {"dr17/a.fits": ONE, "dr17/b.fits": TWO}
    journal.forget(tmp_path)
    journal.forget(tmp_path)
    assert journal.noted(tmp_path) == {}


def test_a_line_that_was_cut_or_lost_is_none(tmp_path):
    with journal.noting(tmp_path) as note:
        note("a", ONE)
    (held,) = tmp_path.iterdir()
    held.write_bytes(held.read_bytes() + b"\0\0\xff\n" + ONE[:30].encode())
    with journal.noting(tmp_path) as note:
        note("b", TWO)
    assert journal.noted(tmp_path) == {"a": ONE, "b": TWO}
