"""From a formula to stable, bounded Keras ops.

The stages, each a module with one entry and one frozen dataclass:

``spec``        text or sympy      -> Spec (``parse``, ``written``, ``domain``)
``analysis``    Spec               -> Analysis
``candidates``  Analysis, format   -> Candidate (and ``tail_forms``)
``planner``     Analysis, format   -> Plan
``render``      Plans              -> source text
``certificate`` Plans              -> Certificate (JSON)

What comes from outside is checked where it enters: formulas by ``parse``,
sizes by ``arithmetic``, plans and texts that are rendered by ``sound`` and
``plain``; ``limits`` ends what takes too long or too much.
"""
