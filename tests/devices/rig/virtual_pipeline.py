"""What picamera2 needs to work on libcamera's "virtual" pipeline: two things, and no more.

The rig puts this into its site-packages and imports it at the end of picamera2's `__init__`.
"""

import libcamera
import picamera2.allocators.dmaallocator as dma
from picamera2 import Picamera2


def _raw_modes(self):
    """The pipeline has no raw stream; what it gives for video stands for the sensor's mode."""
    video = self.camera.generate_configuration([libcamera.StreamRole.VideoRecording]).at(0)
    return [{"format": str(video.pixel_format), "size": (video.size.width, video.size.height)}]


def _frame_buffer(planes):
    """A Pi takes NV12 in one plane, this pipeline only in two."""
    (luma,) = planes
    length = luma.length
    luma.length = length * 2 // 3
    chroma = libcamera.FrameBuffer.Plane()
    chroma.fd, chroma.offset, chroma.length = luma.fd, luma.length, length - luma.length
    return libcamera.FrameBuffer([luma, chroma])


_frame_buffer.Plane = libcamera.FrameBuffer.Plane


class _Libcamera:
    FrameBuffer = staticmethod(_frame_buffer)

    def __getattr__(self, name):
        return getattr(libcamera, name)


dma.libcamera = _Libcamera()
Picamera2._get_raw_modes = _raw_modes
