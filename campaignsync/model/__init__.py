"""The data model that all other packages share.

campaign.py     the table of a campaign's fields, a pydantic model
metadata.py     the API's rules on a field: the metadata of a row of the table
kind.py         the base class of the kinds of value, and the error for an invalid value
kinds.py        the kinds for text, numbers, choices, lists and mappings
calendar.py     the kinds for dates, times of day and time zones
week.py         weekdays and their names; the kinds for calling windows and weeks of them
fields.py       the table as rows: one row per value that is compared and sent as a unit
yaml_model.py   the base classes of the models of YAML files
workspace.py    the model of campaignsync.yaml
definitions.py  definitions, live campaigns and shared values, as the program holds them
document.py     the base of all JSON documents
plan.py         the plan, which is saved to a file and read back: its parts, fingerprint and seal
runs.py         runs of apply: the documents about them, and a run as its journal records it
results.py      the documents of the other commands, and the list of all kinds
"""
