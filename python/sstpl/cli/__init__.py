"""The command line ``sstpl``: one module per command.

Exit codes: 0 done; 1 the input is bad, which includes files, data and models; 2 the command is; 130 interrupted. Every
error is one line on stderr. pandas, pyarrow, onnx and matplotlib are imported when a command needs them.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Sequence

from sstpl._config import build_info
from sstpl.cli import bench, completion, demo, evaluate, export, fit, inspect, plan, predict
from sstpl.cli._options import Parser
from sstpl.cli._output import UsageError

_COMMANDS = (fit, predict, evaluate, inspect, bench, plan, export, demo, completion)
_BAD_INPUT, _USAGE, _INTERRUPTED, _BROKEN_PIPE = 1, 2, 130, 141


def parser() -> Parser:
    """Return the parser of the command line."""
    whole = Parser(
        prog="sstpl",
        description="Neural networks by closed-form ridge solves.",
        epilog="exit codes: 0 done, 1 the input is bad, 2 the command is, 130 interrupted",
    )
    whole.add_argument("--version", action="version", version=f"sstpl {build_info()['version']}")
    commands = whole.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in _COMMANDS:
        command.add(commands)
    return whole


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    options = parser().parse_args(arguments)
    with warnings.catch_warnings():
        warnings.showwarning = _show_warning
        try:
            options.run(options)
            sys.stdout.flush()
        except KeyboardInterrupt:
            return _fail("interrupted", _INTERRUPTED)
        except BrokenPipeError:
            # Whoever read the output has enough; without this, Python would complain when it flushes at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return _BROKEN_PIPE
        except UsageError as error:
            return _fail(f"{error}; see sstpl {options.command} --help", _USAGE)
        except OSError as error:
            return _fail(f"{error.filename}: {error.strerror}" if error.filename else error, _BAD_INPUT)
        except (ValueError, TypeError, ImportError, MemoryError) as error:
            return _fail(error, _BAD_INPUT)
    return 0


def _fail(error: object, code: int) -> int:
    print(f"sstpl: {_one_line(error)}", file=sys.stderr)
    return code


def _one_line(message: object) -> str:
    return " ".join(str(message).split()) or type(message).__name__


def _show_warning(message: Warning | str, *details: object, **more: object) -> None:
    print(f"sstpl: warning: {_one_line(message)}", file=sys.stderr)
