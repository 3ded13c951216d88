"""The data model that all other packages share.

campaign.py   the table of a campaign's fields, a pydantic model
metadata.py   the API's rules on a field: the metadata of a row of the table
kinds.py      the kinds of value
calendar.py   the kinds of value for dates, hours, weeks and time zones
fields.py     the table as rows: one row per value that is compared and sent as a unit
hours.py      calling hours in local time and UTC, for the next days
spelling.py   detection of values that differ in spelling only
section.py    the base classes of the models of YAML files
workspace.py  the model of campaignsync.yaml
values.py     definitions, live campaigns and shared values, as the program holds them
document.py   the base of all JSON documents
plan.py       the plan, which is saved to a file and read back
run.py        a run of apply, as its journal records it
results.py    the documents that commands publish, one class per kind
"""
