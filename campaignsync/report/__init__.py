"""Render results as text, JSON, Markdown, HTML and CI reports; print nothing.

format.py          the table of report formats, with what each can show
wording.py         values and summaries, shared by all formats
changes.py         a plan's order, differences of texts, equal weekdays and reasons as one
text.py            styled lines for terminals and logs; text_lists.py shows lists
terminal.py        joins styled lines to text, and wraps it to the width of a terminal
json.py            the published JSON documents, and log lines
markdown.py        Markdown, also as comments
markdown_parts.py  escaped values and tables in Markdown, within a size limit
html.py            one HTML page without scripts; week_drawing.py draws its calling windows
ci/                reports for GitHub, GitLab, JUnit and SARIF
prometheus.py      drift as metrics
"""
