"""Parse YAML into a tree of nodes with exact positions, for reading and for editing.

    text.py      convert bytes to text and back; the error for an unreadable file
    nodes.py     the node classes of the tree, and the search for a field in it
    parse.py     build the tree from text, with limits on size and depth
    syntax.py    explain syntax errors and suggest corrections
    scalars.py   write a text as YAML that every parser reads the same way

YAML's own types are never constructed: a scalar is its text, and the campaign's field parses that
text. Edits replace characters at offsets, because ruamel's round trip would also rewrite unchanged
lines.
"""
