"""What is known of trained runs, as one HTML page."""

from recircle.report.page import Gallery, make_page
from recircle.report.write import write_report

__all__ = ["Gallery", "make_page", "write_report"]
