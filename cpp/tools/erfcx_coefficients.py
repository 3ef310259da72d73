"""Prints the polynomial coefficients of the error function used by src/act_kernels.inc.

g(t) = (1 + 2 x) exp(x^2) erfc(x) on x >= 0 is smooth in t = (x - k) / (x + k), k = 3.75
(Shepherd and Laframboise, Math. Comp. 36, 1981). Chebyshev interpolation at 200 nodes in 50 digits,
truncated, then written in powers of t. Needs mpmath: ``python erfcx_coefficients.py``.
"""

import mpmath as mp

mp.mp.dps = 50
K = mp.mpf("3.75")
NODES = 200


def g(t):
    """Return the smooth factor of erfc at t in [-1, 1)."""
    x = K * (1 + t) / (1 - t)
    return (1 + 2 * x) * mp.exp(x * x) * mp.erfc(x)


def chebyshev(n_terms):
    """Return the first Chebyshev coefficients of g."""
    angles = [mp.pi * (j + mp.mpf(1) / 2) / NODES for j in range(NODES)]
    values = [g(mp.cos(a)) for a in angles]
    c = [2 * mp.fsum(v * mp.cos(i * a) for v, a in zip(values, angles, strict=True)) / NODES for i in range(n_terms)]
    c[0] /= 2
    return c


def powers(c):
    """Rewrite a Chebyshev series in powers of t."""
    previous, current = [mp.mpf(1)], [mp.mpf(0), mp.mpf(1)]
    total = [mp.mpf(0)] * len(c)
    total[0] = c[0]
    for coefficient in c[1:]:
        for power, value in enumerate(current):
            total[power] += coefficient * value
        following = [mp.mpf(0)] + [2 * value for value in current]
        for power, value in enumerate(previous):
            following[power] -= value
        previous, current = current, following
    return total


for name, n_terms in (("float", 13), ("double", 24)):
    print(name, ", ".join(mp.nstr(v, 20) for v in powers(chebyshev(n_terms))))
