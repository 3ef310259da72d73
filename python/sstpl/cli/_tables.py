"""Tables from files and to files: CSV, Parquet, and NumPy archives; nothing in a file is run as code."""

from __future__ import annotations

import csv
import gzip
import io
import re
import warnings
import zipfile
import zlib
from collections import Counter
from importlib.util import find_spec
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

_TEXT = (".csv", ".tsv", ".csv.gz", ".tsv.gz")
_SEPARATORS = ",;\t"
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_LINES_SNIFFED = 100  # two records, which quoted line breaks may stretch
_MOST_SHOWN = 5

Frame = Any  # pandas.DataFrame; pandas is imported when a table is read


def is_archive(path: str) -> bool:
    """Whether a path names a NumPy archive rather than a table."""
    return path.lower().endswith(".npz")


def is_parquet(path: str) -> bool:
    """Whether a path names a Parquet file."""
    return path.lower().endswith(".parquet")


def require_table(path: str) -> None:
    """Raise unless a path names a table that can be read and written."""
    if not is_parquet(path) and not path.lower().endswith(_TEXT):
        raise ValueError(f"{path}: a table ends in {', '.join(_TEXT)} or .parquet")
    needed = ["pandas", "pyarrow"] if is_parquet(path) else ["pandas"]
    missing = [name for name in needed if find_spec(name) is None]
    if missing:
        raise ImportError(f"{path} needs {' and '.join(missing)}, which comes with: pip install 'sstpl[cli]'")


def quoted(names: Any) -> str:
    """Return names as an error shows them, the first few of many."""
    names = list(names)
    more = f" and {len(names) - _MOST_SHOWN} more" if len(names) > _MOST_SHOWN else ""
    return ", ".join(repr(str(name)) for name in names[:_MOST_SHOWN]) + more


def read_table(path: str, *, header: bool = True) -> Frame:
    """Return the rows of a CSV or Parquet file as a data frame whose column names are different strings.

    Text is UTF-8, a byte order mark is skipped. The separator is the comma, semicolon or tab that cuts the first two
    lines into as many fields; in .tsv the tab. Fields that pandas reads as missing, and "?", are. Beside semicolons,
    "1,5" is a number. Without a header, columns are "column1", "column2", ....
    """
    require_table(path)
    frame = _read_parquet(path) if is_parquet(path) else _read_text(path, header)
    if len(frame) == 0:
        raise ValueError(f"{path} has no rows")
    return frame


def _read_parquet(path: str) -> Frame:
    import pandas as pd

    try:
        frame = pd.read_parquet(path, engine="pyarrow")
    except OSError:
        raise
    except Exception as error:  # pyarrow's errors have no common base that is public
        raise ValueError(f"{path}: {error}") from error
    frame.columns = [str(name) for name in frame.columns]
    require_different(path, list(frame.columns))
    return frame.reset_index(drop=True)


def _read_text(path: str, header: bool) -> Frame:
    import pandas as pd

    # pandas before 3 is off by the last bit if not asked, and later ones warn if asked.
    exact = {"float_precision": "round_trip"} if int(pd.__version__.split(".")[0]) < 3 else {}
    try:
        separator, first = _first_fields(path)
        if header:
            _require_names(path, first)
        names = None if header else [f"column{number}" for number in range(1, len(first) + 1)]
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # of rows that would be cut
            frame = pd.read_csv(
                path,
                sep=separator,
                header=0 if header else None,
                names=names,
                index_col=False,
                encoding="utf-8-sig",
                na_values=["?"],
                skipinitialspace=True,
                **exact,
                low_memory=False,  # types by whole columns
            )
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 text: {error.reason} at byte {error.start}") from error
    except (gzip.BadGzipFile, zlib.error, EOFError, csv.Error) as error:
        raise ValueError(f"{path}: {error}") from error
    except pd.errors.ParserWarning as error:
        raise ValueError(f"{path} has rows with more fields than its first line, {len(first)}") from error
    except pd.errors.ParserError as error:
        raise ValueError(f"{path}: {error}") from error
    return _with_decimal_commas(frame) if separator == ";" else frame


def _first_fields(path: str) -> tuple[str, list[str]]:
    """Return the separator of a text file and the fields of its first line."""
    name = path.lower()
    opened = gzip.open if name.endswith(".gz") else open
    with opened(path, "rt", encoding="utf-8-sig", newline="") as file:
        head = "".join(islice(file, _LINES_SNIFFED))
    if not head.strip():
        raise ValueError(f"{path} is empty")
    if "\0" in head:
        raise ValueError(f"{path} is not text")

    def records(separator: str) -> list[list[str]]:
        found = csv.reader(io.StringIO(head), delimiter=separator, skipinitialspace=True)
        return list(islice((fields for fields in found if fields), 2))

    candidates = {separator: records(separator) for separator in ("\t" if ".tsv" in name else _SEPARATORS)}

    def fits(separator: str) -> tuple[bool, int]:
        lengths = [len(fields) for fields in candidates[separator]]
        return lengths[0] == lengths[-1] > 1, lengths[0]

    separator = max(candidates, key=fits)
    return separator, candidates[separator][0]


def _require_names(path: str, fields: list[str]) -> None:
    """Raise unless the fields of the first line may be names of columns: whole numbers among others may."""
    numbers = [field for field in fields if _NUMBER.fullmatch(field)]
    if len(numbers) == len(fields) or not all(number.isdecimal() for number in numbers):
        raise ValueError(
            f"{path} starts with numbers, {quoted(numbers)}, not with names of columns; "
            "add them as its first line, or say --no-header"
        )
    require_different(path, [field for field in fields if field])


def require_different(path: str, names: list[str]) -> None:
    """Raise where two columns have one name."""
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ValueError(f"{path} has more than one column named {quoted(twice)}")


def _with_decimal_commas(frame: Frame) -> Frame:
    """Return a frame whose columns of numbers with decimal commas are numbers."""
    import pandas as pd

    for name in frame.columns:
        column = frame[name]
        if not is_text(column) or not column.dropna().str.fullmatch(r"[+-]?\d+(,\d+)?([eE][+-]?\d+)?").all():
            continue
        frame[name] = pd.to_numeric(column.str.replace(",", ".")).astype(np.float64)
    return frame


def is_text(column: Any) -> bool:
    """Whether a column of a frame holds strings, and perhaps missing values, and nothing else."""
    import pandas as pd

    return str(pd.api.types.infer_dtype(column, skipna=True)) == "string" and not isinstance(
        column.dtype, pd.CategoricalDtype
    )


def is_text_category(column: Any) -> bool:
    """Whether a column of a frame holds categories that are text."""
    import pandas as pd

    return isinstance(column.dtype, pd.CategoricalDtype) and pd.api.types.is_string_dtype(column.cat.categories)


def write_table(frame: Frame, path: str | Any) -> None:
    """Write a frame as CSV or Parquet by the end of its path, or as CSV to an open file."""
    if isinstance(path, str) and is_parquet(path):
        frame.to_parquet(path, engine="pyarrow", index=False)
    else:
        frame.to_csv(path, sep="\t" if isinstance(path, str) and ".tsv" in path.lower() else ",", index=False)


def read_archive(path: str, part: str) -> tuple[npt.NDArray[Any], npt.NDArray[Any] | None]:
    """Return rows and targets, where there are any, of an ``.npz`` file, never running code from it.

    They are X_train and y_train, or X_test and y_test, by the part "train" or "test", where the file has them; else X
    and y.
    """
    with open(path, "rb") as file:
        if not zipfile.is_zipfile(file):
            raise ValueError(f"{path} is no .npz archive")
    try:
        with np.load(path, allow_pickle=False) as arrays:
            suffix = f"_{part}" if f"X_{part}" in arrays.files else ""
            if f"X{suffix}" not in arrays.files:
                raise ValueError(f"it must hold X, or X_{part}; it holds {quoted(sorted(arrays.files)) or 'nothing'}")
            X, y = arrays[f"X{suffix}"], arrays[f"y{suffix}"] if f"y{suffix}" in arrays.files else None
            if X.ndim != 2 or len(X) == 0:
                raise ValueError(f"X{suffix} must have the shape (rows, columns), got {X.shape}")
            return X, y
    except OSError:
        raise
    except Exception as error:  # a damaged archive raises what zipfile, zlib and NumPy please
        if "allow_pickle" in str(error):
            raise ValueError(f"{path} holds Python objects, which are not read; save numbers or text") from error
        raise ValueError(f"{path}: {error}") from error
