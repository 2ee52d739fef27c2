"""What a run is to cite, and the names of losses in words."""

from __future__ import annotations

from tlpy.architectures.families.sfcn import SFCN

CITED = {
    "tlimb": "Schulz M-A, Albrecht JP, Yilmaz A, et al. TLIMB – A transfer learning framework for image "
    "analysis of the brain.",
    "nextflow": "Di Tommaso P, et al. Nextflow enables reproducible computational workflows. Nat Biotechnol "
    "2017; 35:316–319.",
    "pytorch": "Paszke A, et al. PyTorch: an imperative style, high-performance deep learning library. "
    "NeurIPS 2019.",
    "multiqc": "Ewels P, et al. MultiQC: summarize analysis results for multiple tools and samples in a "
    "single report. Bioinformatics 2016; 32:3047–3048.",
    "bootstrap": "Efron B, Tibshirani RJ. An introduction to the bootstrap. Chapman & Hall, 1993.",
    "gain": "The gain over no transfer is Eq. 1 of: Cats, not CAT scans: a study of dataset similarity in "
    "transfer learning for 2D medical image classification.",
    "soft_bins": SFCN.cites[0],
    "elastic_penalty": "Li X, Grandvalet Y, Davoine F. Explicit inductive bias for transfer learning with "
    "convolutional networks. ICML 2018.",
    "focal": "Lin T-Y, et al. Focal loss for dense object detection. ICCV 2017.",
    "uncertainty": "Kendall A, Gal Y, Cipolla R. Multi-task learning using uncertainty to weigh losses for "
    "scene geometry and semantics. CVPR 2018.",
    "dann": "Ganin Y, et al. Domain-adversarial training of neural networks. J Mach Learn Res 2016; 17:1–35.",
    "coral": "Sun B, Saenko K. Deep CORAL: correlation alignment for deep domain adaptation. ECCV Workshops "
    "2016.",
    "mmd": "Long M, et al. Learning transferable features with deep adaptation networks. ICML 2015.",
    "fixmatch": "Sohn K, et al. FixMatch: simplifying semi-supervised learning with consistency and "
    "confidence. NeurIPS 2020.",
    "mean_teacher": "Tarvainen A, Valpola H. Mean teachers are better role models. NeurIPS 2017.",
    "masked_autoencoder": "He K, et al. Masked autoencoders are scalable vision learners. CVPR 2022.",
    "simclr": "Chen T, et al. A simple framework for contrastive learning of visual representations. ICML "
    "2020.",
    "rotation": "Gidaris S, Singh P, Komodakis N. Unsupervised representation learning by predicting image "
    "rotations. ICLR 2018.",
    "models_genesis": "Zhou Z, et al. Models Genesis. Med Image Anal 2021; 67:101840.",
}

LOSSES = {
    "cross_entropy": "cross-entropy",
    "focal": "focal loss",
    "mse": "mean squared error",
    "mae": "mean absolute error",
    "huber": "Huber loss",
    "soft_bins": "Kullback-Leibler divergence to soft bins",
    "multitask": "the sum of the losses of all labels",
    "elastic_penalty": "an elastic penalty",
    "reconstruction": "reconstruction of the images",
    "dann": "domain-adversarial loss (DANN)",
    "coral": "correlation alignment (CORAL)",
    "mmd": "maximum mean discrepancy",
    "fixmatch": "FixMatch",
    "mean_teacher": "a mean teacher's consistency",
    "masked_autoencoder": "the reconstruction of hidden patches (masked autoencoder)",
    "simclr": "a contrastive loss (SimCLR)",
    "rotation": "rotation prediction",
    "models_genesis": "the restoration of distorted images (Models Genesis)",
}
