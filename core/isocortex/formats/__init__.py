"""Readers and writers of files. What is damaged, hostile or of another format is one clear error."""
