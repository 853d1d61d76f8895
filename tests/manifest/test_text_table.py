"""The one reader of tables: encodings, ends of lines, quotes, and lines that errors name."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recircle.errors import UserError
from recircle.manifest.text_table import has_columns, open_table, read_lines, read_table, split_lines, split_records

TEXT = "label,youtube_id,split\nplaying guitar,abc,train\n"
VARIANTS = {
    "plain": TEXT,
    "quoted": '"label","youtube_id","split"\r\n"playing guitar","abc","train"\r\n',
    "semicolons": TEXT.replace(",", ";"),
    "tabs": TEXT.replace(",", "\t"),
    "blanks": TEXT.replace(",", ", "),
    "carriage returns": TEXT.replace("\n", "\r"),
    "blank lines and remarks": f"\n# of 2019\n\n{TEXT}\n",
    "another column": TEXT.replace("label,", "is_cc,label,").replace("playing", "0,playing"),
    "empty fields at the end": TEXT.replace("\n", ",,\n").replace("split,,", "split"),
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("text", VARIANTS.values(), ids=VARIANTS)
def test_tables_are_known_and_read_in_every_form(tmp_path: Path, text: str, encoding: str) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(text.encode(encoding))
    assert has_columns(path, ("youtube_id", "split"))
    assert not has_columns(path, ("youtube_id", "time"))
    ((_, row),) = read_table(path, ("youtube_id",)).rows()
    assert (row["label"], row["youtube_id"], row["split"]) == ("playing guitar", "abc", "train")


def test_records_are_known_by_the_line_that_they_begin_in(tmp_path: Path) -> None:
    text = '# a\n\nx,y\n"1\n2",3\n\n4,5\n'
    records = split_records(text, Path("t.csv"), ",")
    assert [(record.where.rpartition(" ")[2], record.fields) for record in records] == [
        ("3", ("x", "y")),
        ("4", ("1\n2", "3")),
        ("7", ("4", "5")),
    ]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"), max_size=5), min_size=1))
def test_only_ends_of_lines_end_lines(lines: list[str]) -> None:
    for end in ("\n", "\r\n", "\r"):
        assert split_lines(end.join([*lines, ""])) == lines


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a,b\n1,\xff\n", "is not UTF-8 text"),
        (b"a,b\n1,\0\n", "holds zero bytes"),
        ("a,b\n1,2\n".encode("utf-16-le"), "holds zero bytes"),
        (b"PK\x03\x04rest", "is an Excel workbook"),
        (b"PAR1rest", "is a Parquet table"),
        (b"a,c\n1,2\n", r"column 'b' is missing \(found: a, c\)"),
        (b"a,b,b\n1,2,3\n", "column 'b' is there twice"),
        (b"a,b\n1\n", "line 2: 1 field where the header has 2"),
        (b"a,b\n\n1,2,3\n", "line 3: 3 fields where the header has 2"),
        (b'a,b\n1,2\n"1,2\n3,4\n', "line 3: is not a CSV table: a quote is not closed"),
    ],
)
def test_errors_name_file_and_line(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    with pytest.raises(UserError, match=message) as caught:
        read_table(path, ("a", "b"))
    assert str(path) in str(caught.value)


def test_other_files_have_no_columns(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b"\0\1\2")
    assert not has_columns(tmp_path / "t.csv", ("a",))
    assert not has_columns(tmp_path / "none.csv", ("a",))
    with pytest.raises(UserError, match="cannot be read"):
        read_lines(tmp_path / "none.csv")


def test_without_known_names_all_records_tell_the_delimiter(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("class;family\npush, left;push\npull;pull\n")
    assert open_table(tmp_path / "t.csv", ()).names == ("class", "family")
