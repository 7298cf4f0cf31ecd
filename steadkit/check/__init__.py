"""Data quality control of STEAD files: find issues, repair derived columns, list sound traces.

============  ================================================================
`issues`      the table of issues: severity, meaning, remedy
`selection`   the issues that a check looks for
`reading`     the CSV's text as numbers and times
`metadata`    rules for the rows of the CSV
`samples`     rules for the waveforms, STA/LTA detection of unlabelled earthquakes
`attributes`  comparison of the CSV with the HDF5 attributes
`waveforms`   one pass over the HDF5 file
`findings`    the table of findings
`run`         all checks over several files
`repair`      the repaired copy, and the list of sound traces
============  ================================================================
"""

from steadkit.check.findings import FINDINGS, count_by_issue, of_severity, write_findings
from steadkit.check.issues import ERROR, ISSUES, SUSPICIOUS, WARNING, Issue
from steadkit.check.metadata import check_rows, repairable
from steadkit.check.repair import drop, fix, to_drop
from steadkit.check.run import Report, check
from steadkit.check.selection import needs_hdf5, selected_issues

__all__ = [
    "ERROR",
    "FINDINGS",
    "ISSUES",
    "SUSPICIOUS",
    "WARNING",
    "Issue",
    "Report",
    "check",
    "check_rows",
    "count_by_issue",
    "drop",
    "fix",
    "needs_hdf5",
    "of_severity",
    "repairable",
    "selected_issues",
    "to_drop",
    "write_findings",
]
