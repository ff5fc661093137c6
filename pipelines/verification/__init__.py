"""Checking a whole campaign: that nothing has rotted, is missing, or came from elsewhere."""
