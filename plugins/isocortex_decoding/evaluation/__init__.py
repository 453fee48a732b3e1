"""How well features were decoded: correlation, identification, ceilings."""
