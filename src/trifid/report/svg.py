"""Matplotlib figures as SVG that lives inside an HTML page.

The page forbids inline styles and everything external, so style attributes become presentation
attributes, fonts are inherited from the page, ids that nothing points at go, the others get the
figure's name in front, and every figure says in words what it shows.
"""

import io
import re
import warnings
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from trifid.report.text import clean

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK, MUTED, GRID = "#1d2430", "#566072", "#d9dee6"
# Okabe & Ito (2008), told apart by colour-blind readers; dark enough for lines on white
COLOURS = ("#0072b2", "#d55e00", "#007a5a", "#a8558a", "#8a6d00", "#2f86c9", "#6b4c9a", "#444444")
DASHES = ("-", "--", "-.", ":")
_STYLE: Any = {
    "text.parse_math": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "trifid",
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.7,
    "axes.grid": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.6,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "path.simplify": True,
}
_COLUMN = 88  # [mm]: width of a column of Astronomy & Astrophysics
_REFERENCE = re.compile(r"url\(#([^)]+)\)")


def line_look(index: int) -> dict[str, str]:
    """Colour and dash of the index-th line; both change, so colour is never the only sign."""
    return {
        "color": COLOURS[index % len(COLOURS)],
        "linestyle": DASHES[(index + index // len(COLOURS)) % len(DASHES)],
    }


def draw(
    name: str,
    title: str,
    description: str,
    paint: Callable[["Figure"], None],
    *,
    size: tuple[float, float] = (4.8, 3.6),
) -> Markup:
    """Draws a figure and returns it as an inline `<svg>` with a title and a description.

    Args:
        name: Unique in the page: prefix of the figure's ids.
        title: What a screen reader says first.
        description: What the figure shows, in one or two sentences.
        paint: Draws on an empty figure.
        size: Width and height [inch].
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with mpl.rc_context(_STYLE), warnings.catch_warnings():
        # names in scripts that the layout font lacks; the page's fonts draw the text
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        warnings.filterwarnings("ignore", message="Matplotlib currently does not support")
        figure = Figure(figsize=size, layout="constrained")
        figure.patch.set_visible(False)
        paint(figure)
        buffer = io.BytesIO()
        FigureCanvasSVG(figure).print_svg(buffer, metadata={"Date": None})
    return inline(buffer.getvalue(), name, title, description)


def inline(document: bytes, name: str, title: str, description: str) -> Markup:
    """Turns an SVG document of matplotlib's into an element for an HTML page."""
    root = ElementTree.fromstring(document)  # noqa: S314 - our own document, made a line above
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag.rpartition("}")[2] in ("metadata", "style"):
                parent.remove(child)
    elements = list(root.iter())
    for element in elements:
        element.tag = element.tag.rpartition("}")[2]
        element.attrib.update(_plain_attributes(element))
    used = {target for element in elements for target in _targets(element)}
    for element in elements:
        _rename_ids(element, used, name)
    width, height = (root.attrib.pop(key).removesuffix("pt") for key in ("width", "height"))
    labels = f"{name}-title {name}-description"
    root.attrib.update(role="img", viewBox=f"0 0 {width} {height}")
    root.set("aria-labelledby", labels)
    for position, (tag, text) in enumerate((("title", title), ("desc", description))):
        said = ElementTree.Element(tag, id=labels.split()[position])
        said.text = clean(text)
        root.insert(position, said)
    return Markup(ElementTree.tostring(root, encoding="unicode"))  # noqa: S704 - escaped by ET


def _plain_attributes(element: ElementTree.Element) -> dict[str, str]:
    """Presentation attributes in place of `style`, and `href` in place of `xlink:href`."""
    plain: dict[str, str] = {}
    for key in list(element.attrib):
        if key.startswith("{"):
            plain[key.rpartition("}")[2]] = element.attrib.pop(key)
    for item in element.attrib.pop("style", "").split(";"):
        key, _, value = (part.strip() for part in item.partition(":"))
        if key == "font":  # "10px 'DejaVu Sans', ..." : the family is the page's
            size = re.search(r"[\d.]+(?=px)", value)
            plain["font-size"] = size.group() if size else "9"
        elif (key and not key.startswith("font-")) or key in ("font-size", "font-weight"):
            plain[key] = value
    return plain


def _targets(element: ElementTree.Element) -> list[str]:
    found = [match for value in element.attrib.values() for match in _REFERENCE.findall(value)]
    href = element.get("href", "")
    return [*found, href[1:]] if href.startswith("#") else found


def _rename_ids(element: ElementTree.Element, used: set[str], name: str) -> None:
    identity = element.attrib.pop("id", None)
    if identity in used:
        element.set("id", f"{name}-{identity}")
    for key, value in element.attrib.items():
        if key == "href" and value.startswith("#"):
            element.set(key, f"#{name}-{value[1:]}")
        elif "url(#" in value:
            element.set(key, _REFERENCE.sub(rf"url(#{name}-\1)", value))


def as_file(image: Markup) -> tuple[str, str]:
    """A drawn figure as a file for a paper: its name, and SVG as wide as a column.

    Args:
        image: From `draw`.
    """
    name = re.search(r'aria-labelledby="(.+?)-title ', image)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{_COLUMN}mm" font-family="sans-serif" '
    return (name[1] if name else "figure"), str(image).replace("<svg ", head, 1) + "\n"
