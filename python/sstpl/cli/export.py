"""``sstpl export``: a model file as ONNX."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from sstpl._model_state import load
from sstpl.cli import _options as arguments
from sstpl.cli import _output as output


def add(commands: Any) -> None:
    """Add the command."""
    parser = arguments.add_command(
        commands,
        "export",
        "write a model as ONNX, which other runtimes and languages predict with",
        """
sstpl export model.safetensors -o model.onnx
""",
        more="Its input X is float32, its columns those of the fit in their order, which sstpl inspect shows.",
    )
    parser.add_argument("model", metavar="MODEL", help="model file")
    parser.add_argument("-o", "--output", metavar="FILE.onnx", required=True, help="file to write")
    arguments.add_quiet(parser, ", no summary")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Convert and write."""
    output.require_place(options.output, options.model)
    model = load(options.model)
    exported = model.to_onnx()
    data = exported.SerializeToString()
    output.write_whole(options.output, lambda temporary: Path(temporary).write_bytes(data))
    if not options.quiet:
        outputs = ", ".join(one.name for one in exported.graph.output)
        size = os.path.getsize(options.output)
        print(f"{options.output}: input X float32 (n, {model.n_features_in_}), outputs {outputs}; {size:,} bytes")
