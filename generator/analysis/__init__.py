"""What is hard about f.

Owns: zeros and how often each is one (`roots`), singular points and whether
they can be removed (`specials`), where f is real (`realness`), what the steps
of one derivation share (`work`).  `analysis`, `analyticity` and `tails` serve
plans of closed forms.

May know: `formula`, `program`, `numbers`.  It says what is there and chooses
nothing; planning may ask again.

Entry: `specials.specials_of`, `roots.find_roots`, `realness.refuse_unreal`.
"""
