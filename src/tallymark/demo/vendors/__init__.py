"""Simulated vendors: real HTTP servers on loopback, one file an API, with the vendor's manners.

A module says which connector it stands for (`SIMULATES`), which subject it knows (`SUBJECT`), and
starts itself (`start(log_path, clock) -> Running`). For a push connector it is a sender instead.
"""
