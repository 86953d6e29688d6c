"""What the model is shown: the input, the history, sealed items, attachments, and the window that holds them."""
