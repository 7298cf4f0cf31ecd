"""Continuous prediction: from archives of records to picks, detections and tables.

==================  ================================================================
`inputs`            waveform files, data sets and services, and which records are used
`dataset_records`   traces of data sets as stretches of record
`thresholds`        published, given, or as an evaluation has chosen them
`units`             station-days: which there are, and the picks of one
`unit_store`        finished station-days, a file each
`unit_files`        probabilities and pictures of a station-day
`worker`            what computes station-days, here, in processes, or on a cluster
`folder`            `run.json`: every setting, and the lock
`tables`            CSV and Parquet; `exchange_tables`: those of other programs
`picks_xml`         QuakeML and SC3ML
`figures`           days, detections, rates and coverage; `summary`: the page
`run`               plan, compute what is missing, write the tables
`pick_table`        tables of a prediction, read back and checked
`scoring`           picks against an analyst's; `score_inputs`, `score_tables`, `score_report`
`association`       earthquakes from picks; `association_files`: their folder
==================  ================================================================
"""
