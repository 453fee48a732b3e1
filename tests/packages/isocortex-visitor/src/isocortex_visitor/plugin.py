"""What this package offers, by name. Components are imported when somebody asks for them: keep this light."""

from isocortex import hookimpl


@hookimpl
def register_rdm_metrics(register):
    register(
        "mean-difference", "isocortex_visitor.metric:MeanDifference", summary="mean difference over channels"
    )


@hookimpl
def register_similarities(register):
    register("concordance", "isocortex_visitor.similarity:Concordance", summary="agreement in value")


@hookimpl
def register_models(register):
    register("two-layers", "isocortex_visitor.network:TwoLayers", summary="a random network of two layers")


@hookimpl
def register_generators(register):
    register("squashed", "isocortex_visitor.generator:Squashed", summary="smooth random pictures")


@hookimpl
def register_decoders(register):
    register("neighbours", "isocortex_visitor.decoder:Neighbours", summary="mean of the most similar samples")


@hookimpl
def register_reconstructors(register):
    register("descent", "isocortex_visitor.reconstructor:Descent", summary="plain gradient descent")


@hookimpl
def register_data_sources(register):
    register("visitor-folder", "isocortex_visitor.source:Folder", summary="one .npz file for each subject")


@hookimpl
def register_steps(register):
    for name, summary in {
        "stimuli": "pictures from a data source",
        "halves": "two random halves of the samples",
        "rdm": "RDM of the condition means",
        "agreement": "how alike two RDMs are",
        "accuracy": "how well a decoder tells conditions apart",
        "reconstruct": "pictures with the features that a model sees",
        "collect": "the tables of all subjects in one",
    }.items():
        register(f"visitor_{name}", f"isocortex_visitor.steps:{name}", summary=summary)


@hookimpl
def register_pipelines(register):
    register("visitor-study", "isocortex_visitor:visitor-study.yaml", summary="all of this package at work")
