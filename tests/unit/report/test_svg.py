import re
import xml.etree.ElementTree as ElementTree
from typing import Any

from trifid.report import svg


def _paint(figure: Any) -> None:
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], "o-", label="$x^2$ <&>")
    axes.legend()


def test_names_stay_text_and_mathematics_is_not_read() -> None:
    drawn = svg.draw("one", "A <title>", "What \x00it shows", _paint)
    assert "$x^2$ &lt;&amp;&gt;" in drawn
    assert '<title id="one-title">A &lt;title&gt;</title>' in drawn
    assert '<desc id="one-description">What it shows</desc>' in drawn


def test_nothing_global_or_external_is_left() -> None:
    drawn = svg.draw("one", "t", "d", _paint)
    assert not re.search(r"style=|<style|xlink|xmlns|http|<metadata", drawn)
    assert 'width="' not in drawn.partition(">")[0]
    assert "viewBox=" in drawn.partition(">")[0]


def test_ids_of_two_figures_differ_and_resolve() -> None:
    first, second = (svg.draw(name, "t", "d", _paint) for name in ("one", "two"))
    ids = [set(re.findall(r' id="([^"]+)"', drawn)) for drawn in (first, second)]
    assert not ids[0] & ids[1]
    targets = set(re.findall(r'(?:href="#|url\(#)([^")]+)', first))
    assert targets  # the marker and the clip path
    assert targets <= ids[0]


def test_drawing_leaves_the_settings_as_they_were() -> None:
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    svg.draw("one", "t", "d", _paint)
    assert dict(mpl.rcParams) == before


def test_neighbouring_lines_differ_in_colour_and_dash() -> None:
    looks = [tuple(svg.line_look(k).values()) for k in range(16)]
    assert len(set(looks)) == 16
    assert looks[0][0] != looks[1][0]
    assert looks[0][1] != looks[1][1]


def test_a_figure_is_a_file_of_one_column() -> None:
    name, text = svg.as_file(svg.draw("one", "t", "d", _paint))
    root = ElementTree.fromstring(text)  # noqa: S314  our own
    assert name == "one" and root.tag == "{http://www.w3.org/2000/svg}svg"
    assert root.get("width") == "88mm" and root.get("viewBox")
