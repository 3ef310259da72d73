"""``python -m sstpl``."""

import sys

from sstpl.cli import main

sys.exit(main())
