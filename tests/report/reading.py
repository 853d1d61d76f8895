"""Reads a page as a browser would: its tables by their captions, its ids, and whether all elements are closed."""

from html.parser import HTMLParser

VOID = frozenset({"img", "input", "meta"})


class Page(HTMLParser):
    """A page, or a part of one.

    Attributes:
        tables: rows of cells of text, by caption; those of the head are left out.
        ids: of all elements.
        elements: name and attributes of all elements.
        words: all text, scripts and styles left out.
    """

    def __init__(self, content: str) -> None:
        super().__init__()
        self.tables: dict[str, list[list[str]]] = {}
        self.ids: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self._open: list[str] = []
        self._caption = ""
        self.feed(content)
        self.close()
        assert not self._open, f"left open: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_startendtag(tag, attrs)
        if tag in VOID:
            return
        self._open.append(tag)
        if tag == "caption":
            self._caption = ""
        elif "thead" in self._open:
            pass
        elif tag == "tr":
            self.tables[self._caption].append([])
        elif tag in ("td", "th"):
            self.tables[self._caption][-1].append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), f"an attribute is there twice: {attrs}"
        self.elements.append((tag, dict(attrs)))
        self.ids += [value or "" for name, value in attrs if name == "id"]

    def handle_endtag(self, tag: str) -> None:
        assert self._open, f"</{tag}> closes nothing"
        assert self._open.pop() == tag
        if tag == "caption":
            self.tables[self._caption] = []

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] in ("script", "style"):
            return
        self.words += data
        if "caption" in self._open:
            self._caption += data
        elif "thead" not in self._open and ("td" in self._open or "th" in self._open):
            self.tables[self._caption][-1][-1] += data

    def table(self, caption: str) -> list[list[str]]:
        """Return the rows of the table whose caption begins so."""
        (found,) = [rows for title, rows in self.tables.items() if title.startswith(caption)]
        return [[cell.replace("\u00a0", " ") for cell in row] for row in found]

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """Return the attributes of all elements of a name."""
        return [attributes for name, attributes in self.elements if name == tag]
