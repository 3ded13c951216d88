"""Write definitions: export live campaigns, edit single fields, format whole files.

    init.py            a new config repo, and its CI jobs
    export.py          live campaigns as definitions
    adopt.py           live values for the fields that definitions set, shared values included
    entries.py         the entries of a definition, and the aliases that share a value
    text_edits.py      replace and add single values in a text, by the positions of its nodes
    format.py          whole definitions in the standard style
    style.py           values as YAML in the standard style, and the order of keys
    read_values.py     the values of definitions and nodes; verifies the result of an edit

A round trip through ruamel also rewrites lines that did not change. Edits at the positions of
nodes keep the diff minimal.
"""
