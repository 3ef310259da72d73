"""NumPy float64 twins of the native kernels: what the core is compared with.

One module per concept, named like its header in cpp/include/sstpl. Every kernel is written from the equation,
not from the C++, in at most 20 lines, and takes another route where there is one (least squares of stacked rows
for ridge, coordinate descent for FISTA, QR for Cholesky QR). The modules import numpy and math alone, so that
the oracle shares no code with what it judges. `problems` and `calls` hold the data that the tests share.
"""
