"""Write definitions: new ones, edits that change no other character, and one format for all.

    init.py            a new config repo, and its CI jobs
    export.py          live campaigns as definitions
    adopt.py           live values for the fields that definitions set
    edit.py            set fields whose values may be shared; meaning.py proves the result
    text_edits.py      replace and add single values in a text, by the positions of its nodes
    style.py           a campaign's keys and values in the standard style
    format.py          whole definitions in that style, by format_text.py and format_entries.py
    render.py          definitions with all shared values written out

A round trip through ruamel rewrites lines that nobody asked to change. Edits at the positions of
nodes give the smallest diff.
"""
