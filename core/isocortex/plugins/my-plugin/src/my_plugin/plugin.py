"""What this plugin offers, by name. Components are imported when somebody asks for them: keep this light."""

from isocortex import hookimpl


@hookimpl
def register_rdm_metrics(register):
    """Offer dissimilarities between patterns."""
    register("my-plugin-taxi", "my_plugin.metric:taxi", summary="mean absolute difference")


@hookimpl
def register_steps(register):
    """Offer steps for pipelines."""
    register("my-plugin-spread", "my_plugin.steps:spread", summary="how far apart the conditions are")


@hookimpl
def register_pipelines(register):
    """Offer ready pipelines."""
    register("my-plugin-example", "my_plugin:example.yaml", summary="an example on simulated data")
