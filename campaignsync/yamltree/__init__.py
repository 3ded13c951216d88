"""Parse YAML into a tree of nodes with exact positions, for reading and for editing.

    text.py      convert bytes to text and back; explain unreadable bytes and YAML syntax errors
    nodes.py     the node classes of the tree
    parse.py     build the tree from text, with limits on size and depth
    scalars.py   write a text as YAML that every parser reads the same way

YAML's own types are never constructed: a scalar is its text, and the campaign's field parses that
text. Edits replace characters at offsets, because ruamel's round trip would also rewrite unchanged
lines.
"""
