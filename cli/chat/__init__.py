"""`antiphon chat`: talk to an agent of any server of the Responses API, in a terminal or a pipe."""
