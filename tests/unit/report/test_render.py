from trifid.report.render import Section, Sheet, sheet_html
from trifid.report.tables import Table

_HOSTILE = "<script>alert(1)</script>\x1b[31m"


def test_a_sheet_escapes_all_it_shows_and_runs_nothing() -> None:
    rows = ((_HOSTILE, "1"), ("b", _HOSTILE))
    table = Table(_HOSTILE, ("name", _HOSTILE), rows, note=_HOSTILE)
    sections = [Section("a", _HOSTILE, _HOSTILE, [table]), Section("b", "Empty")]
    page = sheet_html(Sheet(_HOSTILE, _HOSTILE, _HOSTILE, [_HOSTILE], sections))
    assert "<script" not in page and "\x1b" not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 9
    assert '<a href="#b">Empty</a>' in page and "default-src 'none'" in page
