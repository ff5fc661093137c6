"""A campaign's models: which one is champion, and what is done with it."""
