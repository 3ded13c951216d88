"""Helpers of the tests. They run the program in one of five ways; the first is the usual one.

`cs` of conftest, `World.run_in_process`: in the process of the tests, the fastest.
`forked.py`: in a process that has imported the program, to be signalled, killed or run in parallel.
`preloaded.py`: a script named `campaignsync` that does the same for jobs, docs and terminals.
`one_process.py`: many command lines in one process, which imports a changed copy of the package.
`run_program` of `commandline.py`: a new process, for what depends on how the program starts.
"""
