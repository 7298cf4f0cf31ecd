"""Packages of the wheel: ``manifests`` of the top folder is installed in ``steadkit``.

Everything else about the build is in ``pyproject.toml``, whose search for packages cannot place a
folder inside another package.
"""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["steadkit*", "eqt*"]), "steadkit.manifests"],
    package_dir={"steadkit.manifests": "manifests"},
    package_data={"steadkit.manifests": ["*.toml", "*.md"]},
)
