"""Pages of HTML for people, each one file that loads nothing.

Owns: the page of one function and the index of many (`page`), as
`templates/report.html.j2` and `reports.html.j2` lay them out.

May know: `words`, of which pictures and sentences come, and `source` for the
place of the templates.  Every text is escaped; what is markup is made by
`words.typeset` of what a formula was read as, or by `page` of bytes.

Entry: `page.function_page`, `page.index_page`.
"""
