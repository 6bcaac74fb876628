"""Small pictures of images, as data URLs."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = ["thumbnails"]

_SIZE = 96


def thumbnails(images: Any, rows: Sequence[int]) -> list[str]:
    """Make small pictures of some images.

    Parameters
    ----------
    images : list of str or ndarray
        Paths of files, or pixels.
    rows : sequence of int

    Returns
    -------
    list of str
        Data URLs; empty where an image cannot be shown, or without Pillow.
    """
    try:
        from PIL import Image, ImageOps
    except ImportError:
        return [""] * len(rows)
    urls = []
    for row in rows:
        try:
            if isinstance(images, list):
                with Image.open(images[row]) as opened:
                    picture = ImageOps.exif_transpose(opened).convert("RGB")
            else:
                picture = Image.fromarray(_as_bytes(images[row])).convert("RGB")
        except (OSError, TypeError, ValueError):
            urls.append("")
            continue
        urls.append(_data_url(picture, Image.Resampling))
    return urls


def _data_url(picture: Any, resampling: Any) -> str:
    longest = max(picture.size)
    if longest > _SIZE:
        picture.thumbnail((_SIZE, _SIZE))
    else:
        factor = max(1, _SIZE // (2 * longest))
        size = tuple(factor * side for side in picture.size)
        picture = picture.resize(size, resampling.NEAREST)
    file = io.BytesIO()
    picture.save(file, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode("ascii")


def _as_bytes(pixels: np.ndarray) -> np.ndarray:
    """Turn the pixels of one image into bytes with channels last."""
    pixels = np.asarray(pixels)
    if pixels.ndim == 3 and pixels.shape[0] in (1, 3) and pixels.shape[-1] not in (1, 3):
        pixels = pixels.transpose(1, 2, 0)
    pixels = pixels[..., 0] if pixels.ndim == 3 and pixels.shape[-1] == 1 else pixels
    if pixels.dtype == np.uint8:
        return np.ascontiguousarray(pixels)
    low, high = float(np.nanmin(pixels)), float(np.nanmax(pixels))
    scaled = (np.nan_to_num(pixels) - low) / (high - low or 1.0)
    return np.ascontiguousarray((255 * scaled).clip(0, 255).astype(np.uint8))
