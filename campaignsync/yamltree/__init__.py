"""YAML as one tree of nodes with their exact positions, for reading and for editing.

    text.py      bytes → text, and the error for a file that cannot be read
    events.py    text → the events of libyaml, or of ruamel's parser in Python
    nodes.py     the nodes of the tree
    parse.py     text → tree, within limits of size and depth
    syntax.py    what a syntax error means, and what to write instead
    locate.py    the place of a field in a tree
    scalars.py   one text → YAML that every reader understands the same way
    lines.py     line ends and the byte order mark of an edited file

YAML's own types are never constructed: a scalar is its text, and a campaign's field decides what
the text means. Files are edited by character offsets. ruamel's round trip would rewrite lines that
no edit asked for.
"""
