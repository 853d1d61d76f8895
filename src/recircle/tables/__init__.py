"""The paper's tables beside what this package computes for each of their systems."""

from recircle.tables.compare import Compared, compare, compare_table
from recircle.tables.measured import Measured, find_measured
from recircle.tables.paper import TABLES, Network, Printed, Row, Table
from recircle.tables.render import to_json, to_markdown

__all__ = [
    "TABLES",
    "Compared",
    "Measured",
    "Network",
    "Printed",
    "Row",
    "Table",
    "compare",
    "compare_table",
    "find_measured",
    "to_json",
    "to_markdown",
]
