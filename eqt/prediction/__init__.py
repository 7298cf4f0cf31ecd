"""Continuous prediction: from archives of records to picks, detections and tables.

==============  ====================================================================
`units`         station-days: which there are, and the picks of one
`unit_store`    finished station-days, a file each
`worker`        what computes them, in this process, others, or a cluster's
`folder`        `run.json`: every setting, and the lock
`run`           plan, compute what is missing, write the tables
==============  ====================================================================
"""
