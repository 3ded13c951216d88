"""The nouns: frozen values that the rooms hand to each other.

`values` stays inside the program. The others are the JSON that others build on, what `campaignsync
schema` publishes: `plans`, `applies`, `drifts`, `runs`, `lists` and `notices`, and `documents` with
what they share. `strict` reads that JSON again and describes it. It alone needs pydantic, which
takes longer to import than all that is ours.
"""
