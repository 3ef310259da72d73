"""Arguments that several commands take."""

from __future__ import annotations

import argparse
import ast
import textwrap
from collections.abc import Mapping
from typing import Any, NoReturn

from sstpl.classifier import SSTPLClassifier
from sstpl.cli._columns import TASK_RULE
from sstpl.regressor import SSTPLRegressor

_MIB_PER_GIB = 1024


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        """End with exit code 2."""
        self.exit(2, f"sstpl: {message}; see {self.prog} --help\n")


def add_command(
    commands: Any, name: str, summary: str, examples: str, *, more: str = "", keys: Mapping[str, str] | None = None
) -> argparse.ArgumentParser:
    """Add a command; its keys are those of the JSON object that it prints with ``--json``."""
    epilog = "examples:\n" + "\n".join(f"  {line}" for line in examples.strip().splitlines())
    if keys is not None:
        width = max(map(len, keys))
        described = "\n".join(f"  {key:<{width}}  {meaning}" for key, meaning in keys.items())
        epilog += f"\n\nkeys of the object that --json prints (later versions may add some):\n{described}"
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=summary,
        description=textwrap.fill(f"{summary[0].upper()}{summary[1:]}. {more}", 80),
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,  # or a new option could make an old command ambiguous
    )
    if keys is not None:
        parser.add_argument("--json", action="store_true", help="print one JSON object, and nothing else, to stdout")
    return parser


def add_data(parser: argparse.ArgumentParser, *, target: bool = True) -> None:
    """Add the file of rows, and what is said of its columns."""
    parser.add_argument(
        "data", metavar="DATA", help=".csv, .tsv (or .gz of these), .parquet, .npy, or .npz with X and y"
    )
    parser.add_argument("--no-header", action="store_true", help="the file names no columns; call them column1, ...")
    if target:
        parser.add_argument(
            "--target",
            metavar="NAME",
            help="column to predict, by name, or by number from 1 (-1: the last); of .npy another .npy; not of .npz",
        )


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Add what decides how a model is fitted."""
    parser.add_argument(
        "--drop", nargs="+", action="extend", default=[], metavar="NAME", help="columns to leave out, such as row ids"
    )
    parser.add_argument(
        "--task", choices=("auto", "classification", "regression"), default="auto", help=f"auto: {TASK_RULE}"
    )
    parser.add_argument(
        "--image-shape", type=int, nargs="+", metavar="N", help="rows, columns (and channels) of images, e.g. 28 28"
    )
    parser.add_argument("--time-limit", type=float, metavar="S", help="seconds after which nothing more is tried")
    parser.add_argument("--memory-limit", type=float, metavar="GB", help="of 2^30 bytes, for the widest layer's sums")
    parser.add_argument(
        "--set",
        nargs="+",
        action="extend",
        type=_assignment,
        default=[],
        metavar="NAME=VALUE",
        help="parameters of the estimator, e.g. hidden_width=500 scaling=quantile",
    )
    parser.add_argument("--seed", type=int, default=0, help="of all that is random (default 0)")


def add_threads(parser: argparse.ArgumentParser) -> None:
    """Add how many threads to use."""
    parser.add_argument("--threads", type=_positive, metavar="N", help="to use (default: all cores of the CPU quota)")


def add_quiet(parser: argparse.ArgumentParser, nothing: str) -> None:
    """Add the option that says less."""
    parser.add_argument("--quiet", action="store_true", help=f"no progress bar{nothing}; warnings and errors remain")


def estimator_for(task: str, options: argparse.Namespace) -> SSTPLClassifier | SSTPLRegressor:
    """Return an unfitted estimator with the parameters that the options give."""
    parameters: dict[str, Any] = {"random_state": options.seed, "time_limit": options.time_limit}
    if options.memory_limit is not None:
        parameters["memory_limit"] = options.memory_limit * _MIB_PER_GIB
    if options.image_shape is not None:
        parameters["image_shape"] = tuple(options.image_shape)
    kind = SSTPLClassifier if task == "classification" else SSTPLRegressor
    return kind(**(parameters | dict(options.set)))


def coverage(text: str) -> float:
    """Return a share between 0 and 1, ends excluded."""
    share = float(text)
    if not 0.0 < share < 1.0:
        raise argparse.ArgumentTypeError(f"must be between 0 and 1, got {text}")
    return share


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {text}")
    return number


def _assignment(text: str) -> tuple[str, Any]:
    """Return name and value of a parameter; the value is a Python literal, or else a string."""
    name, equals, value = text.partition("=")
    known = SSTPLClassifier._get_param_names()
    if not equals or name not in known:
        raise argparse.ArgumentTypeError(f"must be NAME=VALUE with a name of {', '.join(known)}; got {text!r}")
    try:
        return name, ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return name, value
