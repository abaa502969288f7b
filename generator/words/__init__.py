"""Plans for people, and as claims.

Owns: explanations (`explain`, `phrases`), tables (`report`, `bounds_page`),
pictures (`picture`, with `pointwise` and `floatline`), and
the certificate (`certificate`), which `checker` derives anew.

May know: `pieces` and below; nothing of how a plan is lowered or printed.

Entry: `explain.explain`, `picture.draw`, `certificate.certify`.
"""
