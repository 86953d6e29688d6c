"""Imported first, it lets pydantic build a model's validator at the model's first use and not when its class is made.

A leaf. FastAPI makes some 40 models to describe an OpenAPI document that we never ask it for, and a function reads with
a few of ours: what is not used is not built, which is a fifth of the create function's cold start (docs/adr, 7). The
setting is pydantic's own (``defer_build``), set where every model inherits it.
"""

import os

os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # to look for them is to read every package's metadata

from pydantic import BaseModel

BaseModel.model_config["defer_build"] = True
