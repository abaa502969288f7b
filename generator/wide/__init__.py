"""Results of float32 computed in float64, where that is at hand.

Owns: which formula is short and cancels little, polynomials next to places
where it cancels all the same, and the bound of both: of 53 bits 24 are
needed, so single operations will do, and no value is carried in a pair.

May know: `pieces` and what lies below; of a plan its ends, which it takes
over.

Entry: `planner.widened`.
"""
