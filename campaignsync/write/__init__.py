"""Values → YAML in the house style, and edits to YAML that leave every other character alone.

`scalars` writes one text so that every YAML tool reads the same value back, `style` a campaign's
keys in the field table's order, `tree` finds where each node of a text begins and ends, `edits`
changes single fields of a text, `house` brings a whole text into the house style, and `paper`
keeps line ends and a byte order mark as they were.

Nothing here goes through ruamel's round trip: it writes a file anew, and with it lines that nobody
asked it to touch. Editing by the nodes' own positions gives the smallest diff there is.
"""
