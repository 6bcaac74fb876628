"""Small networks with the parts of those of torchvision and timm."""

import torch
from torch import nn


class _Tiny(nn.Module):
    def __init__(self, n_channels=3, width=8):
        super().__init__()
        self.stem = nn.Conv2d(n_channels, width, 3, stride=2)
        self.norm = nn.BatchNorm2d(width)

    def features(self, x):
        return torch.relu(self.norm(self.stem(x))).mean((2, 3))


class WithFC(_Tiny):
    """As a ResNet of torchvision."""

    def __init__(self, num_classes=1000, n_channels=3):
        super().__init__(n_channels)
        self.fc = nn.Linear(8, num_classes)

    def forward(self, x):
        return self.fc(self.features(x))


class WithClassifier(_Tiny):
    """As MobileNet of torchvision."""

    def __init__(self, num_classes=1000):
        super().__init__()
        self.classifier = nn.Sequential(nn.Linear(8, 6), nn.Dropout(0.1), nn.Linear(6, num_classes))

    def forward(self, x):
        return self.classifier(self.features(x))


class WithConvolution(_Tiny):
    """As SqueezeNet of torchvision."""

    def __init__(self, num_classes=1000):
        super().__init__()
        last = nn.Conv2d(8, num_classes, 1)
        self.classifier = nn.Sequential(nn.Dropout(0.1), last, nn.AdaptiveAvgPool2d(1))

    def forward(self, x):
        return self.classifier(torch.relu(self.stem(x))).flatten(1)


class WithHeads(_Tiny):
    """As a vision transformer of torchvision."""

    def __init__(self, num_classes=1000):
        super().__init__()
        self.heads = nn.Sequential()
        self.heads.add_module("head", nn.Linear(8, num_classes, bias=False))

    def forward(self, x):
        return self.heads(self.features(x))


class FromTimm(_Tiny):
    """As the networks of timm."""

    num_features = 8

    def __init__(self, num_classes=1000):
        super().__init__()
        self.last_linear = nn.Linear(8, num_classes)

    def get_classifier(self):
        return self.last_linear

    def reset_classifier(self, num_classes):
        self.last_linear = nn.Linear(8, num_classes) if num_classes else nn.Identity()

    def forward(self, x):
        return self.last_linear(self.features(x))


class WithoutHead(_Tiny):
    """A network whose last layer has a name of its own."""

    def __init__(self, num_classes=1000):
        super().__init__()
        self.out = nn.Linear(8, num_classes)

    def forward(self, x):
        return self.out(self.features(x))


NETWORKS = (WithFC, WithClassifier, WithConvolution, WithHeads, FromTimm)


def factory(*, weights=None, **kwargs):
    """Make a network as a factory of torchvision does, which passes unknown keywords on."""
    return WithFC(**kwargs)


factory.__module__ = "torchvision.models.tiny"
