"""Abused commands: each call must be refused in one line or do its work, and harm nothing else.

Run whole with ``PYTHONPATH=tests python -m campaigns.abuse --cases 2000``; the tests run a little.
The cases are made from the click commands themselves: every parameter that takes a path, a name,
a number, a time or a text meets a table of what an attacker or an unlucky user may give it, in a
folder of its own with a small data set, a run and networks. After every call the folder and what
lies around it are compared with what was there before.

===============  ==============================================================
`values`         tables of numbers, times, names and texts
`cases`          one case, and the tables of all cases
`parameters`     cases of values: numbers, times, names, options given twice
`places`         cases of paths: outputs that are inputs, existing targets
`planted`        staging folders that somebody else has made
`contents`       cases of what an input holds: no plain files, hostile contents
`surroundings`   environment, standard streams, full disks, interruptions
`sandbox`        the folder of a case: made, listed, compared
`judge`          whether a command did harm, and whether its words are clear
`worker`         a process that runs each case in a child and watches it
`campaign`       many cases, and a table of what became of them
===============  ==============================================================
"""
