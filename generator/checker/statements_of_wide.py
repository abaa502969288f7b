"""The kernels of runtime/wide.py, as their errors were shown.

exp: q is the Taylor polynomial of degree 9 of exp(r) - 1; for |r| <= 0.3466
what is left is below r**10/10! (1 + 0.3466/11 + ...) < 1.04 of it, over exp(r)
>= 0.7071.  n is x / log(2) to the nearest whole number, so that |r| is at most
log(2)/2 and what n log(2) is rounded by, |x| 2**-53.  log: |s| <= (sqrt(2) -
1) / (sqrt(2) + 1) = 0.17158, and 2 (s**15/15 + ...) is below 2.08 s**15/15.
"""

WIDE = """
EXP_TERMS = 10
LOG_TERMS = 7
FAR = 1.5 * 2.0 ** 52
FAR_BITS = (2 * (1023 + 52) + 1) * 2 ** 51
ROOT_HALF_BITS = 4604544271217802189


def wide_powers(x):
    least = constant(-708.0, 'float64')
    if backend() == 'torch':
        x = ops.where(x < least, least, x)
    else:
        x = ops.maximum(x, least)
    s = x * 1.4426950408889634 + FAR
    n = apart(once(s, 'float64'), 'float64') - FAR
    r = x - n * 0.6931471805599453
    factor = 1.0
    for k in range(2, EXP_TERMS):
        factor *= k
    q = 1.0 / factor * r
    for k in range(EXP_TERMS - 1, 1, -1):
        factor /= k
        q = (q + 1.0 / factor) * r
    power = ops.left_shift(bits_of(s, 'float64') + 1023, 52)
    return (q, reinterpret(power, 'float64'))


def wide_log(t):
    return log_of(t, None)


def wide_log1p(t, v):
    return log_of(t, v)


def log_of(t, v):
    bits = bits_of(t, 'float64')
    n = ops.right_shift(bits - ROOT_HALF_BITS, 52)
    m = reinterpret(bits - ops.left_shift(n, 52), 'float64')
    k = reinterpret(n + FAR_BITS, 'float64') - FAR
    r = m - 1.0
    if v is not None:
        r = ops.where(ops.equal(k, 0.0), v, r)
    s = once(r / (2.0 + r), 'float64')
    z = s * s
    p = 2.0 / (2 * LOG_TERMS - 1) * z
    for j in range(LOG_TERMS - 2, 0, -1):
        p = (p + 2.0 / (2 * j + 1)) * z
    return k * 0.6931471805599453 + (s * p + 2.0 * s)
"""
