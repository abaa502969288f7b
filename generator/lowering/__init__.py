"""From a plan to the operations that run; the last place that decides.

Owns: the nouns of a body (`body`), what is evaluated in which order, clipped
where and selected how (`cover`, `plan`, `ends`, `nearness`, `clips`), tables
of rows (`tables`), and what a body costs (`costs`, weights in ``costs.json``).

May know: `pieces` and below, and the package's runtime, whose primitives a
body calls.  A plan has one body, alone and beside its derivatives.

Entry: `lower.lower`; `costs.cost`.
"""
