"""No module imports another in a circle, not even for types."""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[1] / "src"


def imports_of(path: Path, modules: set[str]) -> Iterator[str]:
    """Yield what a module imports of the package when it is imported, and for its types."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    statements = [inner for node in body for inner in (ast.walk(node) if isinstance(node, ast.If) else [node])]
    for node in statements:
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield full if full in modules else node.module


def test_imports_go_one_way() -> None:
    paths = {".".join(path.with_suffix("").relative_to(SOURCE).parts): path for path in SOURCE.rglob("*.py")}
    paths = {name.removesuffix(".__init__"): path for name, path in paths.items()}
    # the package itself imports what it shows when that is first used
    del paths["recircle"]
    edges = {name: {*imports_of(path, {*paths})} & paths.keys() - {name} for name, path in paths.items()}
    # raises a CycleError that shows the circle
    assert {*TopologicalSorter(edges).static_order()} == paths.keys()
