"""Text: the only room with jinja2 and ruff.

Owns: bodies as lines (`printer`), the module of one function (`render`), the
file that stands alone (`standalone`, with the runtime's primitives written
out by `inline`), templates and their filters (`templates`).  It decides
nothing: a `Body` is printed as it is.

May know: `lowering` and below, and the text of the package's runtime.

Entry: `render.render`, `standalone.standalone`.
"""
