"""The nouns: frozen values that the rooms hand to each other.

`values` stays inside the program and is plain; `documents` is the JSON that others build on, as
pydantic models: what a saved plan must look like, and what `campaignsync schema` publishes. Only
what reads or writes those documents imports them, so that `validate` starts without pydantic.
"""
