"""Text: the only room with jinja2 and ruff.

Owns: the module of one function (`render`), the file that stands alone
(`standalone`), templates and their filters (`templates`).  It decides
nothing, and prints what `pieces.sound` has checked.

May know: `lowering` and below.

Entry: `render.render`.
"""
