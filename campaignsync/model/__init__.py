"""The nouns: frozen values that the rooms hand to each other.

`values` stays inside the program and is plain. The others are the JSON that others build on, as
pydantic models, what `campaignsync schema` publishes: `plans`, `applies`, `drifts`, `runs`,
`lists`, and `documents` with what they share. Only what reads or writes them imports them, so that
`validate` starts without pydantic.
"""
