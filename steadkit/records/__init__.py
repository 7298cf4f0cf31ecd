"""Seismic records and tables of other formats: waveforms, picks, stations, and STEAD's text.

===========  ====================================================================================
`archive`    index of a folder of miniSEED and SAC; a window of it at 100 Hz
`picks`      pick tables, CSV or QuakeML; the onsets that P and S picks make
`quakeml`    QuakeML, read as rows and written from rows
`stations`   station coordinates from StationXML or CSV
`resample`   sampling rate, band and length: a window of one minute at 100 Hz
`measure`    SNR, coda end, distance and back azimuth
`text`       CSV of other sources as text; STEAD's times, samples, lists and trace names
===========  ====================================================================================
"""
