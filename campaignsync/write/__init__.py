"""Values → YAML in the house style, and edits to YAML that leave every other character alone.

`scalars` writes one text so that every YAML tool reads the same value back, and `style` a
campaign's keys in the field table's order. `tree` finds where each node of a text begins and ends,
`places` where a field stands, and `meaning` what nodes say. `sheet` replaces and adds single
values, `edits` does so for fields whose values may be shared. `house` brings a whole text into the
house style, by way of `entries`; `formatted` proves that it says the same. `resolved` writes out
what definitions share. `paper` keeps line ends and a byte order mark as they were.

Nothing here goes through ruamel's round trip: that writes a file anew, and with it lines that
nobody asked it to touch. Editing by the nodes' own places gives the smallest diff there is.
"""
