"""The papers behind this plugin, for the list of references in reports."""

from isocortex.report.papers import Paper

PAPERS = (
    Paper(
        "Shen et al. 2019",
        "Shen G, Horikawa T, Majima K, Kamitani Y (2019). Deep image reconstruction from human "
        "brain activity. PLoS Computational Biology 15(1):e1006633.",
        "doi:10.1371/journal.pcbi.1006633",
        ("reconstruct_images", "feature-inversion"),
    ),
    Paper(
        "Mahendran & Vedaldi 2015",
        "Mahendran A, Vedaldi A (2015). Understanding deep image representations by inverting "
        "them. IEEE Conference on Computer Vision and Pattern Recognition.",
        "arXiv:1412.0035",
        ("feature-inversion",),
    ),
    Paper(
        "Shirakawa et al. 2025",
        "Shirakawa K, Nagano Y, Tanaka M, et al. (2025). Spurious reconstruction from brain activity. "
        "Neural Networks.",
        "doi:10.1016/j.neunet.2025.107515",
        ("check_reconstruction", "check_domains", "check_with_stimuli"),
    ),
    Paper(
        "Wang et al. 2004",
        "Wang Z, Bovik AC, Sheikh HR, Simoncelli EP (2004). Image quality assessment: from error "
        "visibility to structural similarity. IEEE Transactions on Image Processing "
        "13(4):600-612.",
        "doi:10.1109/TIP.2003.819861",
        ("evaluate_reconstructions",),
    ),
    Paper(
        "Gatys et al. 2016",
        "Gatys LA, Ecker AS, Bethge M (2016). Image style transfer using convolutional neural "
        "networks. IEEE Conference on Computer Vision and Pattern Recognition.",
        "doi:10.1109/CVPR.2016.265",
    ),
    Paper(
        "Nguyen et al. 2016",
        "Nguyen A, Dosovitskiy A, Yosinski J, Brox T, Clune J (2016). Synthesizing the preferred "
        "inputs for neurons in neural networks via deep generator networks. Advances in Neural "
        "Information Processing Systems 29.",
        "arXiv:1605.09304",
    ),
    Paper(
        "Byrd et al. 1995",
        "Byrd RH, Lu P, Nocedal J, Zhu C (1995). A limited memory algorithm for bound "
        "constrained optimization. SIAM Journal on Scientific Computing 16(5):1190-1208.",
        "doi:10.1137/0916069",
    ),
)
