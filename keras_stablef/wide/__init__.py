"""Generated twins of bodies, which compute float32 by way of float64.

A module for each function that has some, printed from its plan: f, f' and
f'' take and return float32, and are within little more than half an ulp of
it.  `_wide` says where they run.
"""
