#!/bin/sh
# On a machine that is lent for minutes: all of `make gpu`, and what it wrote
# into $OUT. From the root of the checkout, with the folder wheels brought
# along (`make gpu-wheels`); arguments go to `python -m gpu`.
OUT=${OUT:-out}
PYTHON=${PYTHON:-python3}
nvidia-smi -L
PYTHONPATH=benchmarks $PYTHON -m gpu --wheels wheels --out "$OUT/gpu" "$@"
code=$?
cp docs/gpu-*.md "$OUT"
tail -n 3 "$OUT"/gpu/*.log
# Nothing that can be made again; links are not brought back.
rm -rf "$OUT/gpu/package" "$OUT/gpu/site" "$OUT/gpu/caches"
exit $code
