"""What everything else talks about, as values.

values.py    definitions, live campaigns and the workspace, inside the program
document.py  the base of all JSON documents
plan.py      the plan, which is saved and read again
results.py   the documents that commands publish, one class per kind
"""
