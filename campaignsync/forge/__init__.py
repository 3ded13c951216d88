"""Write comments on a pull or merge request, over the API of its forge.

`thread` finds the request in the job's variables, and describes its comments; `comments` finds our
own comment and updates it, or writes a new one.
"""

from campaignsync.forge.comments import put_comment
from campaignsync.forge.thread import Thread, thread_of

__all__ = ["Thread", "put_comment", "thread_of"]
