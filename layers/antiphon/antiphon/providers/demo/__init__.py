"""Antiphon's demo model: answers offline, always the same, and says that it is no real model.

``answer`` decides what is said, ``schema``, ``keywords``, ``pattern`` and ``words`` fill in JSON, ``memory`` recalls
facts, ``sight`` looks at images and files, ``tokens`` counts; ``model`` alone streams.
"""

from antiphon.providers.demo.model import Demo
from antiphon.providers.demo.tokens import count_tokens

__all__ = ["Demo", "count_tokens"]
