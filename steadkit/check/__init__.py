"""Look for issues in STEAD files, repair what can be computed anew, list what is sound.

============  ================================================================
`issues`      the table of issues: severity, meaning, remedy
`reading`     the CSV's text as numbers and times
`geodesy`     distances and azimuths on WGS84
`metadata`    rules for the CSV alone
`samples`     rules for the waveforms
`suspects`    rules of thumb for earthquakes that nobody labelled
`agreement`   the CSV against the attributes
`waveforms`   the pass over the HDF5
`survey`      all of it over several files
`wanted`      which of them to look for
`repair`      the repaired copy, and the clean list
============  ================================================================
"""

from steadkit.check.findings import FINDINGS, count_by_issue, of_severity, write_findings
from steadkit.check.geodesy import geodesics
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
    "geodesics",
    "needs_hdf5",
    "of_severity",
    "repairable",
    "selected_issues",
    "to_drop",
    "write_findings",
]
