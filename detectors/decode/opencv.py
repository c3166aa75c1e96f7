"""OpenCV, without what its import leaves in the environment.

It puts a folder of its own and an empty name before LD_LIBRARY_PATH. The empty name is the working
folder, so a program that is started later would load libraries out of it: it may be a sender's.
"""

import os

_BEFORE = os.environ.get("LD_LIBRARY_PATH")

import cv2  # noqa: E402

if _BEFORE is None:
    os.environ.pop("LD_LIBRARY_PATH", None)
else:
    os.environ["LD_LIBRARY_PATH"] = _BEFORE

__all__ = ["cv2"]
