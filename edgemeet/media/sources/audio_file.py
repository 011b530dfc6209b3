"""An audio file as a microphone, for ever from its beginning."""

from __future__ import annotations

from array import array
from collections.abc import Iterator

import av

from edgemeet.errors import DeviceFailed
from edgemeet.media.pacing import Pacer
from edgemeet.media.plan import PERIOD_SAMPLES, SAMPLE_RATE
from edgemeet.media.sources.conversion import new_resampler, samples_of
from edgemeet.media.sources.media_file import broken, first_stream, open_file, reopen
from edgemeet.media.sources.protocols import Period

_LATE_PERIODS = 5  # 100 ms may be caught up; more is skipped


class FileMicrophone:
    """Paced on the monotonic clock. What is left of less than 20 ms at the file's end is not played.

    Raises:
        DeviceError: the file cannot be read or holds no sound.
    """

    def __init__(self, path: str) -> None:
        self.name = f"file {path}"
        self._path = path
        self._container = open_file(path)
        try:
            first_stream(self._container.streams.audio, path, "sound")
        except BaseException:
            self._container.close()
            raise
        self._periods = self._loop()
        self._pacer = Pacer(SAMPLE_RATE // PERIOD_SAMPLES, slack=_LATE_PERIODS)

    def read(self) -> Period:
        try:
            samples = next(self._periods)
        except av.FFmpegError as error:
            raise broken(self._path, error) from error
        return Period(samples, self._pacer.wait())

    def close(self) -> None:
        self._container.close()

    def _loop(self) -> Iterator[array[int]]:
        while True:
            stream = self._container.streams.audio[0]
            resampler = new_resampler()
            empty = True
            for frame in self._container.decode(stream):
                for period in resampler.resample(frame):
                    empty = False
                    yield samples_of(period)
            if empty:
                raise DeviceFailed(f"the file {self._path} holds no sound")
            self._container = reopen(self._container, self._path)
