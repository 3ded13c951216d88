"""Helpers of the tests. They run the program in one of three ways; the first is the usual one.

`cs` of conftest, `World.run_in_process`: in the process of the tests, the fastest.
`preloaded.py`: in a new process that has imported the program, to be signalled, killed, run in
parallel, in a terminal or from a script.
`run_program` of `commandline.py`: in a new interpreter, for what depends on how the program starts.
"""
