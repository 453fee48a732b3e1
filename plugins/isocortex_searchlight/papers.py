"""The papers behind this plugin, for the list of references in reports."""

from isocortex.report.papers import Paper

PAPERS = (
    Paper(
        "Kriegeskorte et al. 2006",
        "Kriegeskorte N, Goebel R, Bandettini P (2006). Information-based functional brain "
        "mapping. Proceedings of the National Academy of Sciences 103(10):3863-3868.",
        "doi:10.1073/pnas.0600244103",
        (
            "searchlight_rdms",
            "searchlight_rsa",
            "searchlight_ceilings",
            "searchlight_test",
            "study_searchlight",
        ),
    ),
    Paper(
        "Westfall & Young 1993",
        "Westfall PH, Young SS (1993). Resampling-based multiple testing: examples and methods "
        "for p-value adjustment. Wiley, New York.",
        "",
        ("searchlight_test",),
    ),
)
