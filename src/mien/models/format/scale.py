"""The scale between 8-bit levels and the numbers that a network takes or gives."""

from dataclasses import dataclass

Triple = tuple[float, float, float]
ZERO: Triple = (0.0, 0.0, 0.0)  # mean and deviation by channel, RGB, as shares of 255
HALF: Triple = (0.5, 0.5, 0.5)  # maps 0..1 to -1..1, as mean and as deviation
ONE: Triple = (1.0, 1.0, 1.0)  # a deviation that changes nothing
IMAGENET_MEAN: Triple = (0.485, 0.456, 0.406)  # of the ImageNet training set, as torchvision publishes it
IMAGENET_STD: Triple = (0.229, 0.224, 0.225)  # likewise


@dataclass(frozen=True, slots=True)
class Scale:
    """Mapping of levels to numbers: (level / 255 - mean) / std, a value a channel in the network's order.

    `rgb` = red comes first, else blue does; `channels_last` = (n, h, w, 3) instead of (n, 3, h, w).
    """

    mean: Triple = ZERO
    std: Triple = ONE
    rgb: bool = True
    channels_last: bool = False


PLAIN = Scale()
"""RGB 0..1."""
SIGNED = Scale(HALF, HALF)
"""RGB -1..1."""
IMAGENET = Scale(IMAGENET_MEAN, IMAGENET_STD)
"""RGB by the mean and deviation of ImageNet."""
BGR_LAST = Scale(rgb=False, channels_last=True)
"""BGR 0..1, height x width x 3."""
