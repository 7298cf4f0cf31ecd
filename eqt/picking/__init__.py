"""Detections and picks from probabilities.

============  =====================================================================
`rules`       the two rule sets, published and corrected, each rule with its source
`picks`       detections and picks of one trace
`candidates`  peaks and spans of many traces, from which detections at any threshold follow
`refine`      onset refinement by the Akaike information criterion
============  =====================================================================
"""
