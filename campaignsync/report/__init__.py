"""Values → text for people, documents for programs, Markdown for pull requests; prints nothing.

format.py      what a format can show, and the table of all formats
words.py       what the formats for people share: values, folded weekdays, summaries
text.py        for terminals and logs; inventory.py and drifted.py hold its longer parts
documents.py   the published JSON documents
markdown.py    for comments, cut to what a comment holds; commented.py adds its hidden first line
html.py        one page without scripts
summary.py, github.py, gitlab.py, widget.py, junit.py, sarif.py   for CI systems
prometheus.py  drift as metrics
window.py      folds text to a narrow terminal
"""
