"""Ready pipelines (YAML files beside this one), registered by the plugins whose studies they are."""
