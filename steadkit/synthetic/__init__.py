"""Synthetic STEAD traces from a seed: source, path, site and noise after published models.

Earthquakes with a mechanism and a spectrum are recorded through a layered crust by stations, each
with its position, instrument, site response and noise:

===============  ==============================================================
`velocity`       arrival times of P and S
`source`         source spectrum and radiation pattern
`stations`       stations, instruments and sites
`seismicity`     the catalogue, and the stations that record each earthquake
`waves`          the noiseless seismogram
`ambient`        the noise
`rows`           the 35 columns
`traces`         complete traces, with the issues that real data have
===============  ==============================================================
"""

from steadkit.synthetic.traces import earthquakes, noise

__all__ = ["earthquakes", "noise"]
