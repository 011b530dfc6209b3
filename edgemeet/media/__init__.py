"""Cameras and microphones: captured and encoded in child processes, handed over as access units.

The daemon uses `capture.CaptureProcess`, `plan.camera_plan`, `plan.microphone_plan`, `layers.encodings`
and `status.CaptureStatus`. Nothing is imported here: the child loads this package too, and every module
it does not need costs time before the first picture.
"""
