"""The papers behind this plugin, for the list of references in reports."""

from isocortex.report.papers import Paper

PAPERS = (
    Paper(
        "Kriegeskorte et al. 2008",
        "Kriegeskorte N, Mur M, Bandettini P (2008). Representational similarity analysis: "
        "connecting the branches of systems neuroscience. Frontiers in Systems Neuroscience 2:4.",
        "doi:10.3389/neuro.06.004.2008",
        ("compute_rdms", "feature_rdms", "compare_rdms"),
    ),
    Paper(
        "Nili et al. 2014",
        "Nili H, Wingfield C, Walther A, Su L, Marslen-Wilson W, Kriegeskorte N (2014). A "
        "toolbox for representational similarity analysis. PLoS Computational Biology "
        "10(4):e1003553.",
        "doi:10.1371/journal.pcbi.1003553",
        ("noise_ceilings",),
    ),
    Paper(
        "Walther et al. 2016",
        "Walther A, Nili H, Ejaz N, Alink A, Kriegeskorte N, Diedrichsen J (2016). Reliability "
        "of dissimilarity measures for multi-voxel pattern analysis. NeuroImage 137:188-200.",
        "doi:10.1016/j.neuroimage.2015.12.012",
        ("crossnobis",),
    ),
    Paper(
        "Diedrichsen et al. 2021",
        "Diedrichsen J, Berlot E, Mur M, Schütt HH, Shahbazi M, Kriegeskorte N (2021). Comparing "
        "representational geometries using whitened unbiased-distance-matrix similarity. "
        "Neurons, Behavior, Data analysis, and Theory 5(3).",
        "doi:10.51628/001c.27664",
        ("whitened_cosine", "whitened_pearson"),
    ),
    Paper(
        "Nichols & Holmes 2002",
        "Nichols TE, Holmes AP (2002). Nonparametric permutation tests for functional "
        "neuroimaging: a primer with examples. Human Brain Mapping 15(1):1-25.",
        "doi:10.1002/hbm.1058",
        ("group_test test=sign_flip", "study_inference method=group", "model_tests"),
    ),
    Paper(
        "Smith & Nichols 2009",
        "Smith SM, Nichols TE (2009). Threshold-free cluster enhancement: addressing problems of "
        "smoothing, threshold dependence and localisation in cluster inference. NeuroImage "
        "44(1):83-98.",
        "doi:10.1016/j.neuroimage.2008.03.061",
        ("group_test correction=tfce",),
    ),
    Paper(
        "Bullmore et al. 1999",
        "Bullmore ET, Suckling J, Overmeyer S, Rabe-Hesketh S, Taylor E, Brammer MJ (1999). "
        "Global, voxel, and cluster tests, by theory and permutation, for a difference between "
        "two groups of structural MR images of the brain. IEEE Transactions on Medical Imaging "
        "18(1):32-42.",
        "doi:10.1109/42.750253",
        ("group_test correction=cluster_mass",),
    ),
    Paper(
        "Benjamini & Hochberg 1995",
        "Benjamini Y, Hochberg Y (1995). Controlling the false discovery rate: a practical and "
        "powerful approach to multiple testing. Journal of the Royal Statistical Society B "
        "57(1):289-300.",
        "doi:10.1111/j.2517-6161.1995.tb02031.x",
        ("group_test correction=fdr",),
    ),
    Paper(
        "Benjamini & Yekutieli 2001",
        "Benjamini Y, Yekutieli D (2001). The control of the false discovery rate in multiple "
        "testing under dependency. Annals of Statistics 29(4):1165-1188.",
        "doi:10.1214/aos/1013699998",
        ("group_test correction=fdr_by",),
    ),
    Paper(
        "Phipson & Smyth 2010",
        "Phipson B, Smyth GK (2010). Permutation p-values should never be zero: calculating "
        "exact p-values when permutations are randomly drawn. Statistical Applications in "
        "Genetics and Molecular Biology 9:39.",
        "doi:10.2202/1544-6115.1585",
    ),
    Paper(
        "Mantel 1967",
        "Mantel N (1967). The detection of disease clustering and a generalized regression "
        "approach. Cancer Research 27(2):209-220.",
    ),
    Paper(
        "Ledoit & Wolf 2004",
        "Ledoit O, Wolf M (2004). A well-conditioned estimator for large-dimensional covariance "
        "matrices. Journal of Multivariate Analysis 88(2):365-411.",
        "doi:10.1016/S0047-259X(03)00096-4",
        ("whiten_patterns method=ledoit_wolf",),
    ),
    Paper(
        "Schäfer & Strimmer 2005",
        "Schäfer J, Strimmer K (2005). A shrinkage approach to large-scale covariance matrix "
        "estimation and implications for functional genomics. Statistical Applications in "
        "Genetics and Molecular Biology 4:32.",
        "doi:10.2202/1544-6115.1175",
        ("whiten_patterns method=schaefer_strimmer",),
    ),
    Paper(
        "Kriegeskorte et al. 2009",
        "Kriegeskorte N, Simmons WK, Bellgowan PSF, Baker CI (2009). Circular analysis in "
        "systems neuroscience: the dangers of double dipping. Nature Neuroscience 12(5):535-540.",
        "doi:10.1038/nn.2303",
        ("roi_means",),
    ),
)
