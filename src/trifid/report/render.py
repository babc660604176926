"""Pages from templates in one style, and a plain sheet of tables and figures."""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

from markupsafe import Markup

import trifid
from trifid.report.gallery import Drawn
from trifid.report.tables import Table
from trifid.report.text import clean


@dataclass(frozen=True)
class Section:
    """A part of a sheet. `anchor` is unique in it; a note stands above tables and figures."""

    anchor: str
    title: str
    note: str = ""
    tables: Sequence[Table] = ()
    figures: Sequence[Drawn] = ()


@dataclass(frozen=True)
class Sheet:
    """A page of sections: a kind of page, its title, one sentence, notes, sections."""

    kicker: str
    title: str
    lead: str
    notes: Sequence[str] = ()
    sections: Sequence[Section] = field(default_factory=tuple)


def render(template: str, page: Any) -> str:
    """A page as HTML. Every value is escaped and free of control characters.

    Args:
        template: File in the folder `templates`.
        page: What it shows, under the name `page`.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("trifid.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: (
            clean(value) if isinstance(value, str) and not isinstance(value, Markup) else value
        ),
    )
    style = (files("trifid.report") / "templates" / "report.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return environment.get_template(template).render(
        page=page,
        style=Markup(style),  # noqa: S704 - our own file
        style_hash=digest,
        version=trifid.__version__,
    )


def sheet_html(sheet: Sheet) -> str:
    """A sheet as one file that loads nothing and runs no script."""
    return render("sheet.html.j2", sheet)
