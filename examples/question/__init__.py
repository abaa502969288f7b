"""The question this project starts from, reproduced and cured.

``python -m examples.question --backend tensorflow`` trains one small model
eight times on real customer histories; see docs/question.md.
"""
