"""Values → text for people, documents for programs, pages for pull requests; prints nothing.

format.py    what a format can show, and the table of all formats
wording.py   what the formats for people share: values, folded weekdays, summaries
text.py      for terminals and logs; lists.py and drift.py hold its longer parts
json.py      the published documents
markdown.py  for comments, cut to what a comment holds; comment.py adds its hidden first line
html.py      one page without scripts
ci/          github, gitlab, junit, sarif: annotations and artifacts of CI systems
prometheus.py  drift as metrics
window.py    folds text to a narrow terminal
"""
