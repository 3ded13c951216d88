"""Parse YAML into a tree of nodes with exact positions, for reading and for editing.

    text.py      decode a file to text, and encode an edited text like the file
    events.py    parse text into events, with libyaml or with ruamel's Python parser
    nodes.py     the node classes of the tree
    parse.py     build the tree from text, with limits on size and depth
    syntax.py    explain syntax errors and suggest corrections
    locate.py    find a field in a tree
    scalars.py   write a text as YAML that every parser reads the same way

YAML's own types are never constructed: a scalar is its text, and the campaign's field parses that
text. Edits replace characters at offsets, because ruamel's round trip would also rewrite unchanged
lines.
"""
