"""Calibration on pairs of one's own, for `cacheback calibrate`.

Pairs are read (`pairs.py`), scored by the embedder and the judge (`measuring.py`), reckoned
(`curves.py`, `advice.py`), told (`showing.py`) and drawn (`chart.py`).
"""
