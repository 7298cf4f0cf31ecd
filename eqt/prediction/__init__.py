"""Continuous prediction: from archives of records to picks, detections and tables.

==============  ====================================================================
`units`         station-days: which there are, and the picks of one
==============  ====================================================================
"""

from eqt.prediction.units import Unit, UnitTables, plan_units, predict_unit

__all__ = ["Unit", "UnitTables", "plan_units", "predict_unit"]
