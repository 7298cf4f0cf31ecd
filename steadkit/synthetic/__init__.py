"""Synthetic STEAD traces from a seed: source, path, site and noise after published models.

Earthquakes with a mechanism and a spectrum are recorded through a layered crust by stations, each
with its position, instrument, site response and noise:

===============  ==========================================================================
`velocity`       arrival times of P and S
`stations`       stations, instruments and sites
`seismicity`     earthquakes: spectrum, radiation pattern, catalogue, recording stations
`waves`          the noiseless seismogram
`ambient`        the noise
`traces`         complete traces with their 35 columns, with the issues that real data have
===============  ==========================================================================
"""

from steadkit.synthetic.traces import earthquakes, noise

__all__ = ["earthquakes", "noise"]
