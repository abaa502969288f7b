"""Plans on disk, between one process and the next.

Owns: the cache (`store`), its folder, which is its owner's alone
(`private_folder`), plans as JSON (`plan_json`) and a reader that trusts
nothing (`plan_fits`).

May know: `pieces` and below, and where the templates are.

Entry: `store.remembered`.
"""
