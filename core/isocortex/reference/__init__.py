"""The reference of everything that is installed, as Markdown: ``python -m isocortex.reference --out DIR``."""
