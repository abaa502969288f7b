"""From a plan to the operations that run; the last place that decides.

Owns: what is evaluated in which order, clipped where, selected how
(`emit`, `emit_ends`, `nearness`), and what that costs (`costs`, weights in
``costs.json``).

May know: `pieces` and below.

Entry: `emit.cover_text`; `costs.cost`.
"""
