"""From a formula to stable, bounded Keras ops.

A formula goes one way:

``parse``, ``lift``, ``spec``      text, sympy or a function -> Spec
``specials``, ``roots``, ``flat``  what is hard about f: singular points, zeros
``expand``, ``rows``, ``ends``     pieces: local polynomials, forms at the ends
``coverer``                        Spec, format -> Cover, a plan of such pieces
``emit``, ``render``               plans -> source, laid out by a template
``certificate``                    plans -> claims that ``checker`` derives anew

``derive`` is the one way in; ``build`` takes the catalogue through it.  One
entry of the catalogue asks for closed forms throughout (``planner``, with
``analysis``, ``candidates`` and ``tails``).

What comes from outside is checked where it enters: formulas by ``parse``,
sizes by ``arithmetic``, plans and texts that are rendered by ``sound`` and
``plain``; ``limits`` ends what takes too long or too much.  docs/design.md has
the words and the proofs.
"""
