from sstpl import _core
