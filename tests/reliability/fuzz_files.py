"""Fuzzing led by coverage: ``python fuzz_files.py KIND FOLDER -runs=10000 -seed=1``; a program, not a test.

atheris (https://github.com/google/atheris) changes bytes of good files, and keeps what reaches code of the package that
nothing has reached before. Kinds are those of `file_inputs`; the folder is for files of the fuzzer.
"""

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["sstpl"]):
    from reliability import file_inputs


def main():
    """Fuzz until the runs are over, or something goes wrong."""
    kind, folder = sys.argv[1], sys.argv[2]
    corpus = Path(folder) / "corpus"
    corpus.mkdir()
    for number, data in enumerate(file_inputs.seeds(kind)):
        (corpus / str(number)).write_bytes(data)

    def attempt(data):
        file_inputs.try_file(kind, data, folder)

    atheris.Setup([sys.argv[0], str(corpus), *sys.argv[3:]], attempt)
    atheris.Fuzz()


main()
