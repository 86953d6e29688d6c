"""How a response is sent: one machine makes and numbers the events; they are checked, folded, stored and replayed."""
