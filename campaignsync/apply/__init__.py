"""Apply a plan, and return the outcome of each campaign. Only this package writes to the API.

Each campaign is read again just before its PATCH, and planned again from that reading: only the
reviewed changes are sent. The journal records a PATCH before it is sent. The response is compared
with the expected values; if the response is lost, the campaign is read again.

    run.py          apply a plan: start all writes, and record what the plan does not send
    write.py        write one campaign, from its last reading to its recorded outcome
    verify.py       compare the expected values with those that the API returns
    in_flight.py    limit the writes in flight, send first writes alone, and stop a run early
    outcomes.py     read back what responses left out; record outcomes; the exit code
    journal.py      record a run on disk, and read the record
    recovery.py     determine the unknown outcomes of an earlier run
    undo.py         build definitions that restore the values before a run
    saved_plan.py   read a saved plan, and refuse it if it was edited or is out of date
    lock.py         allow one apply at a time
"""
