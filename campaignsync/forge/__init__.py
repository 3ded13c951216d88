"""Write comments on a pull or merge request, over the API of its forge.

`thread` finds the request in the job's variables, and describes its comments; `comments` finds our
own comment and updates it, or writes a new one.
"""
