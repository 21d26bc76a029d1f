"""Backups as the installation makes them: what beat asks for, who is told when it fails, and its figures.

nightly: due backups and drills · figures: for /metrics · standing: for the page System · words: its sentences
"""
