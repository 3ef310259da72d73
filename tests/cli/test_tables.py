"""Tables come back from files as they were written, and files that are none are refused in one line."""

import gzip
import io
import os
import stat
import zipfile

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from sstpl.cli import _tables as tables
from sstpl.cli._columns import detect_task, read_labelled
from sstpl.cli._output import write_whole

# Text that cannot be taken for a number, a missing value, true/false or fields between semicolons.
words = st.text(st.characters(exclude_categories=("C", "Z"), exclude_characters=";") | st.just(" "), max_size=8).map(
    lambda text: f"w{text}w"
)
columns = st.sampled_from(["int", "float", "bool", "text"])
values = {
    "int": st.integers(-(2**62), 2**62),
    "float": st.floats(allow_nan=False, allow_infinity=False),
    "bool": st.booleans(),
    "text": words,
}


@st.composite
def frames(draw):
    n_rows = draw(st.integers(1, 5))
    names = draw(st.lists(words, min_size=1, max_size=4, unique=True))
    return pd.DataFrame(
        {name: draw(st.lists(values[draw(columns)], min_size=n_rows, max_size=n_rows)) for name in names}
    )


@pytest.mark.parametrize("ending", ["csv", "tsv", "csv.gz", "tsv.gz", "parquet"])
@given(frame=frames())
@settings(deadline=None, max_examples=60)
def test_a_table_that_was_written_is_read_as_it_was(tmp_path_factory, ending, frame):
    path = str(tmp_path_factory.mktemp("table") / f"table.{ending}")
    tables.write_table(frame, path)
    # Before 3.1, pandas reads the last digit of some numbers wrongly.
    pd.testing.assert_frame_equal(tables.read_table(path), frame, rtol=1e-15, atol=0)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("mark", ["", "\N{ZERO WIDTH NO-BREAK SPACE}"], ids=["plain", "marked"])
def test_separator_and_byte_order_mark_are_found(write, separator, mark):
    lines = [["a", "b, c; d", "e"], ["1", "2.5", "x"], ["3", "4", ""]]
    text = "\r\n".join(separator.join(f'"{field}"' if " " in field else field for field in line) for line in lines)
    frame = tables.read_table(write("t.csv", mark + text))
    assert list(frame.columns) == lines[0]
    assert frame["b, c; d"].tolist() == [2.5, 4.0]
    assert frame["e"].isna().tolist() == [False, True]


def test_separators_within_the_names_of_others_are_not_taken_for_them(write):
    frame = tables.read_table(write("t.csv", "a;;b,c\n1,2\n"))
    assert list(frame.columns) == ["a;;b", "c"]
    assert list(tables.read_table(write("t.tsv", "a,b\n1\n")).columns) == ["a,b"]


def test_beside_semicolons_decimal_commas_are_numbers(write):
    frame = tables.read_table(write("t.csv", "a;b;c\n1,5;x,1;2\n-2;y;?\n;z;1e3\n"))
    assert_array_equal(frame["a"], [1.5, -2.0, np.nan])
    assert_array_equal(frame["c"], [2.0, np.nan, 1000.0])
    assert frame["b"].tolist() == ["x,1", "y", "z"]


def test_names_of_columns_may_be_whole_numbers_beside_others(write):
    assert list(tables.read_table(write("t.csv", "label,0,1\n5,0,255\n")).columns) == ["label", "0", "1"]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("t.csv", "", "is empty"),
        ("t.csv", "\n\n", "is empty"),
        ("t.csv", "a,b\n", "has no rows"),
        ("t.csv", "a,b,a\n1,2,3\n", "more than one column named 'a'"),
        ("t.csv", "a,b\n1,2,3\n4,5,6\n", "more fields than its first line, 2"),
        ("t.csv", "a,b\n1,2\n4,5,6\n", "line 3, saw 3"),
        ("t.csv", "1,2\n3,4\n", "starts with numbers"),
        ("t.csv", "5.1,x\n4.9,y\n", "starts with numbers, '5.1'"),
        ("t.csv", b"a,b\n1,caf\xe9\n", "not UTF-8"),
        ("t.csv", b"caf\xe9,b\n1,2\n", "not UTF-8"),
        ("t.csv", b"a\0b\n1\n", "not text"),
        ("t.csv.gz", "a,b\n1,2\n", "Not a gzipped file"),
        ("t.csv.gz", gzip.compress(b"a,b\n1,2\n" * 1000)[:40], "ended before"),
        ("t.parquet", "a,b\n1,2\n", "Parquet"),
        ("t.parquet", pd.DataFrame({"a": []}), "has no rows"),
        ("t.xlsx", "", "a table ends in"),
        ("t", "", "a table ends in"),
    ],
)
def test_a_file_that_is_no_table_is_refused(write, fail, name, content, said):
    code, error = fail("fit", write(name, content), "--target", "b", "-o", "unwritten")
    assert code == 1
    assert name in error
    assert said in error
    assert not os.path.exists("unwritten")


def damaged():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("X.npy", b"\x93NUMPY\x01\x00")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"X": np.array([[{}]], dtype=object), "y": np.zeros(1)}, "Python objects, which are not read"),
        ({"A": np.zeros(3)}, "must hold X"),
        ({"X": np.zeros((3, 2))}, "must hold y"),
        ({"X": np.zeros((3, 2)), "y": np.zeros(2)}, "as many rows"),
        ({"X": np.zeros(3), "y": np.zeros(3)}, "must have the shape"),
        ({"X": np.zeros((0, 3)), "y": np.zeros(0)}, "must have the shape"),
        ("text", "no .npz archive"),
        (damaged(), "data.npz"),
    ],
)
def test_an_archive_that_lacks_rows_is_refused(write, fail, content, said):
    code, error = fail("fit", write("data.npz", content), "-o", "unwritten")
    assert code == 1
    assert said in error


@pytest.mark.parametrize(
    ("y", "task"),
    [
        (np.array(["a", "b"]), "classification"),
        (np.array([True, False]), "classification"),
        (np.arange(20), "classification"),
        (np.arange(20.0), "classification"),
        (np.arange(21), "regression"),
        (np.array([0.5, 1.0]), "regression"),
        (np.array([np.nan, 1.0]), "regression"),
        (np.zeros((3, 2)), "regression"),
    ],
)
def test_the_task_follows_from_the_target(y, task):
    assert detect_task(y) == task


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pd.Series(["b", "a"], dtype="category"), np.array(["b", "a"])),
        (pd.Series([2, 1], dtype="category"), np.array([2, 1])),
        (pd.Series([2, 1], dtype="Int64"), np.array([2, 1])),
        (pd.Series([True, False], dtype="boolean"), np.array([True, False])),
    ],
)
def test_targets_of_any_column_type_are_plain_arrays(write, column, expected):
    found = read_labelled(write("t.parquet", pd.DataFrame({"y": column, "a": [1, 2]})), "y")
    assert found.y.dtype.kind == expected.dtype.kind
    assert_array_equal(found.y, expected)
    assert found.names == ["a"]


def test_a_failed_write_leaves_what_was_there(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("before")

    def fail_half_way(temporary):
        with open(temporary, "w") as file:
            file.write("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_whole(str(path), fail_half_way)
    assert [one.name for one in tmp_path.iterdir()] == ["table.csv"]
    assert path.read_text() == "before"


def test_a_write_goes_through_a_link_and_keeps_the_mode(tmp_path):
    path, link = tmp_path / "table.csv", tmp_path / "link.csv"
    path.write_text("before")
    path.chmod(0o640)
    link.symlink_to(path)
    tables_written = pd.DataFrame({"a": [1]})
    write_whole(str(link), lambda temporary: tables.write_table(tables_written, temporary))
    assert link.is_symlink()
    assert path.read_text() == "a\n1\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
