"""A capture process with one fault: `stubborn_child.py FAULT FD PARENT_PID`."""

import os
import sys
import time

from edgemeet.errors import DeviceBusy
from edgemeet.media import child
from edgemeet.media.sources import pattern, tone

fault, *arguments = sys.argv[1:]


def sleep_for_ever(*_: object) -> None:
    while True:
        time.sleep(3600)


def hang(*_: object, **__: object) -> object:
    sleep_for_ever()
    return None


def crash(*_: object, **__: object) -> object:
    os.write(2, b"about to fail\n")
    raise ValueError("the driver is confused")


def busy(*_: object, **__: object) -> object:
    raise DeviceBusy("another program has the camera", hint="close it")


def chatter(*_: object, **__: object) -> object:
    for _ in range(20_000):
        os.write(1, b"x" * 2_000 + b"\n")
    raise SystemExit(3)


match fault:
    case "hang-in-stop":
        pattern.PatternCamera.close = sleep_for_ever
        tone.ToneMicrophone.close = sleep_for_ever
    case "hang-in-open":
        pattern.PatternCamera.__init__ = hang
    case "hang-in-read":
        pattern.PatternCamera.read = hang
    case "crash-in-read":
        pattern.PatternCamera.read = crash
    case "busy":
        pattern.PatternCamera.__init__ = busy
    case "chatter":
        pattern.PatternCamera.__init__ = chatter
    case "nonsense":
        os.write(int(arguments[0]), b"GET / HTTP/1.1\r\n\r\n")
        sleep_for_ever()
sys.exit(child.main(arguments))
