"""Programs run in interpreters of their own, where a crash, a hang or a limit ends nothing else; not a test itself."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
IS_LINUX = sys.platform == "linux"


def run(program, *arguments, seconds=120, environment=None):
    """Run a program, or the file of a path; return the finished process, killed where it took too long."""
    what = [program] if isinstance(program, Path) else ["-c", program]
    process = subprocess.Popen(
        [sys.executable, "-X", "faulthandler", *what, *map(str, arguments)],
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(TESTS)} | (environment or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)  # its children, too
        out, err = process.communicate()
        err += f"\nit hung: killed after {seconds} seconds"
    except BaseException:
        with suppress(ProcessLookupError):  # it has ended meanwhile
            os.killpg(process.pid, signal.SIGKILL)
        raise
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def lines(program, *arguments, **options):
    """Return what a program printed, which has to end well."""
    done = run(program, *arguments, **options)
    assert done.returncode == 0, f"ended by {done.returncode}: {done.stdout[-1000:]}\n{done.stderr[-3000:]}"
    return done.stdout.splitlines()
