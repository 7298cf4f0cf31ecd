"""Probabilities to detections and picks.

============  =====================================================================
`rules`       the two rule sets, published and corrected, each rule with its source
`picks`       detections and picks of one trace
`candidates`  peaks and spans of many traces, kept so that thresholds can be chosen
`refine`      picks refined by the Akaike information criterion
============  =====================================================================
"""
