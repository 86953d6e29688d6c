"""Antiphon's demo model: answers offline, always the same, and says that it is no real model.

``answer`` decides what it answers. ``schema``, ``keywords``, ``pattern`` and ``words`` fill in JSON, ``memory`` recalls
facts, ``sight`` looks at images and files, ``tokens`` counts, and ``model`` streams.
"""
