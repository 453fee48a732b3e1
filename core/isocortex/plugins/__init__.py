"""Plugins: the hooks, how plugins are found, and the table of what they provide."""
