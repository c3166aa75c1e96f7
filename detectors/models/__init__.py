"""What the classifiers share: calibration, statistics, folders of models, and two backbones."""
