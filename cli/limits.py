"""The limits file of a tenant or role: one layer of the configuration, checked before it is stored."""

from __future__ import annotations

from pydantic import ValidationError

from antiphon.manage.limits import LimitsDocument
from cli import files
from cli.explaining import explain
from cli.output import Refused


def read_limits(path: str) -> LimitsDocument:
    """Read a limits file, or stdin for ``-``.

    Raises:
        Refused: it is not exactly one document with these fields.
    """
    documents = files.read_documents(path)
    if len(documents) != 1:
        raise Refused(f"{path}: one document is expected, `{{}}` for no limits")
    try:
        return LimitsDocument.model_validate(documents[0].value)
    except ValidationError as error:
        raise Refused(f"{path}: {explain(error, LimitsDocument, documents[0].line)}") from None
