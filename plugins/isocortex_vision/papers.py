"""The papers behind this plugin, for the list of references in reports."""

from isocortex.report.papers import Paper

PAPERS = (
    Paper(
        "Simonyan & Zisserman 2015",
        "Simonyan K, Zisserman A (2015). Very deep convolutional networks for large-scale image "
        "recognition. International Conference on Learning Representations.",
        "arXiv:1409.1556",
        ("train_network", "study_network"),
    ),
    Paper(
        "van der Maaten & Hinton 2008",
        "van der Maaten L, Hinton G (2008). Visualizing data using t-SNE. Journal of Machine "
        "Learning Research 9:2579-2605.",
        "",
        ("embed_layers method=tsne",),
    ),
    Paper(
        "Dosovitskiy & Brox 2016",
        "Dosovitskiy A, Brox T (2016). Generating images with perceptual similarity metrics "
        "based on deep networks. Advances in Neural Information Processing Systems 29.",
        "arXiv:1602.02644",
        ("dgn",),
    ),
    Paper(
        "Yosinski et al. 2015",
        "Yosinski J, Clune J, Nguyen A, Fuchs T, Lipson H (2015). Understanding neural networks "
        "through deep visualization. Deep Learning Workshop, International Conference on Machine "
        "Learning.",
        "arXiv:1506.06579",
        ("maximise_activation", "maximise_network_activation"),
    ),
    Paper(
        "Glorot & Bengio 2010",
        "Glorot X, Bengio Y (2010). Understanding the difficulty of training deep feedforward "
        "neural networks. Proceedings of Machine Learning Research 9:249-256.",
    ),
    Paper(
        "He et al. 2015",
        "He K, Zhang X, Ren S, Sun J (2015). Delving deep into rectifiers: surpassing "
        "human-level performance on ImageNet classification. IEEE International Conference on "
        "Computer Vision.",
        "arXiv:1502.01852",
    ),
    Paper(
        "Kingma & Ba 2015",
        "Kingma DP, Ba J (2015). Adam: a method for stochastic optimization. International "
        "Conference on Learning Representations.",
        "arXiv:1412.6980",
        ("train_network",),
    ),
)
