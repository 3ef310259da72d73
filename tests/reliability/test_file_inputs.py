"""Files with bytes changed are read or refused: models by ModelFormatError, tables in one line on stderr."""

from collections import Counter

import pytest

from reliability import file_inputs


@pytest.mark.parametrize("kind", file_inputs.KINDS)
def test_good_files_are_read(kind, tmp_path):
    for data in file_inputs.seeds(kind):
        assert file_inputs.try_file(kind, data, tmp_path) == "read"


@pytest.mark.parametrize("kind", file_inputs.KINDS)
def test_files_with_bytes_changed_are_read_or_refused(kind, tmp_path):
    found = Counter(file_inputs.try_file(kind, file_inputs.changed(kind, seed), tmp_path) for seed in range(150))
    assert found["refused"] > 20
