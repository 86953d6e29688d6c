"""Antiphon's demo model: it answers offline, always the same, and its answers name it as a demo.

``answer`` decides what it answers. ``schema``, ``keywords``, ``pattern`` and ``words`` fill in JSON, ``memory`` recalls
facts, ``sight`` looks at images and files, ``tokens`` counts, and ``model`` streams.
"""
