"""``make gpu``: what a device can change, measured within minutes.

    python -m gpu [--device cuda|cpu] [--quick] [--seconds 340]
                  [--wheels FOLDER] [--out FOLDER] [--stages NAME ...]

Needs no network and no virtual environment: the package is taken from the
checkout, keras and what else is missing from wheels (`machine`).  `stages`
says what runs, in processes of their own that print a JSON line a result, and
what each of them has of the time; `run` starts and ends them and keeps what
they print; `page` makes docs/gpu-DEVICE.md of it.  The others are the stages.

What is judged in float32 and below is the op by the op in float64 on the same
device, whose own bound is 2**-29 of a float32 ulp; the worst place of each row
by multiple precision again (`judge`).
"""
