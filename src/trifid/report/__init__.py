"""One self-contained HTML page for a run."""

from trifid.report.page import report_html

__all__ = ["report_html"]
