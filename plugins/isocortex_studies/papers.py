"""The papers behind this plugin, for the list of references in reports."""

from isocortex.report.papers import Paper

PAPERS = (
    Paper(
        "Lee, Jung, Lustig & Lee 2023",
        "Lee, Jung, Lustig & Lee (2023). Human Brain Mapping 44(5):2018-2038.",
        "doi:10.1002/hbm.26189",
    ),
    Paper(
        "Shen et al. 2019",
        "Shen G, Horikawa T, Majima K, Kamitani Y (2019). Deep image reconstruction from human "
        "brain activity. PLoS Computational Biology 15(1):e1006633.",
        "doi:10.1371/journal.pcbi.1006633",
        ("shen2019",),
    ),
)
