import platform
import subprocess
import sys

import pytest

_PICTURES = 60
# Two pictures of 1280x720 at a time, as a camera and a scaler give them: made, written, freed.
_CODE = f"""
import resource
from av import VideoFrame
from edgemeet.media.heap import keep_freed_pictures

pixels = bytes(1280 * 720)

def picture():
    frame = VideoFrame(1280, 720, "yuv420p")
    for plane in frame.planes:
        plane.update(pixels[: plane.buffer_size])
    return frame

def use():
    return [picture(), picture()]

keep_freed_pictures()
for _ in range(5):
    use()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range({_PICTURES}):
    use()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries have no such setting")
def test_the_kernel_is_not_asked_for_the_same_memory_again_for_each_picture():
    done = subprocess.run(
        (sys.executable, "-c", _CODE), capture_output=True, text=True, timeout=60, check=True
    )
    assert int(done.stdout) < 20 * _PICTURES  # pages of 4 kB; two pictures have 675
