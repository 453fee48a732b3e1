"""The papers behind this plugin, for the list of references in reports."""

from isocortex.report.papers import Paper

PAPERS = (
    Paper(
        "Horikawa & Kamitani 2017",
        "Horikawa T, Kamitani Y (2017). Generic decoding of seen and imagined objects using "
        "hierarchical visual features. Nature Communications 8:15037.",
        "doi:10.1038/ncomms15037",
        ("decode_features",),
    ),
    Paper(
        "Shirakawa et al. 2025",
        "Shirakawa K, Nagano Y, Tanaka M, et al. (2025). Spurious reconstruction from brain activity. "
        "Neural Networks.",
        "doi:10.1016/j.neunet.2025.107515",
        ("decoding_guards",),
    ),
)
