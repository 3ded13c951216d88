"""What everything else talks about.

campaign.py   the table of a campaign's fields, as a pydantic model
metadata.py   what a row of the table says beside its type
kinds.py      the kinds of value, and calendar.py those of days and hours
fields.py     the table as rows: one for each value that is compared and sent as a whole
section.py    what the models of YAML files share
workspace.py  campaignsync.yaml
values.py     definitions, live campaigns and what definitions share, inside the program
document.py   the base of all JSON documents
plan.py       the plan, which is saved and read again
results.py    the documents that commands publish, one class per kind
"""
