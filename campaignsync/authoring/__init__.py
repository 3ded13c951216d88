"""Write definitions: export live campaigns, edit single fields, format whole files.

    init.py            a new config repo, and its CI jobs
    export.py          live campaigns as definitions
    adopt.py           live values for the fields that definitions set
    edit.py            set fields whose values may be shared
    meaning.py         the values of nodes that can be written anew
    text_edits.py      replace and add single values in a text, by the positions of its nodes
    style.py           a campaign's keys and values in the standard style
    format.py          whole definitions in that style, by format_text.py and format_entries.py
    render.py          definitions with all shared values written out

A round trip through ruamel also rewrites lines that did not change. Edits at the positions of
nodes keep the diff minimal.
"""
