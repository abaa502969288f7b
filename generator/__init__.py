"""From a formula to stable, bounded Keras ops.

The stages, each a module with one entry and one frozen dataclass:

``spec``        text or sympy      -> Spec
``analysis``    Spec               -> Analysis
``candidates``  Analysis, format   -> Candidate (and ``tail_forms``)
``planner``     Analysis, format   -> Plan
``render``      Plans              -> source text
``certificate`` Plans              -> Certificate (JSON)
"""
