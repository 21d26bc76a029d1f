"""Watching the installation: figures for Prometheus (``stock``) and the page System, which shows the same in plain sight."""
