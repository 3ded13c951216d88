"""Render results as text, JSON, Markdown, HTML and CI reports; print nothing.

format.py          the table of report formats, with what each can show
wording.py         values, folded weekdays and summaries, shared by all formats
text.py            text for terminals and logs; lists.py and drift.py hold parts of it
json.py            the published JSON documents
markdown.py        Markdown for comments, cut to their size limit; markup.py escapes values
comment.py         a plan as a comment, with a hidden first line that identifies it
html.py            one HTML page without scripts; week_drawing.py draws its calling windows
ci/                reports for GitHub, GitLab, JUnit and SARIF
prometheus.py      drift as metrics
log.py             log lines as JSON objects
order.py           the order of campaigns, and the reasons that block several of them
text_diff.py       line and character differences of two texts
bounds.py          size limits, and the parts of a report that fit into them
window.py          wrap text to the width of a terminal
"""
