"""What is known of trained runs, as one HTML page."""

from recircle.report.page import make_page
from recircle.report.write import write_report

__all__ = ["make_page", "write_report"]
