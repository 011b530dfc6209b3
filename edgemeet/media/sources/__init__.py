"""What a capture process reads from: cameras and microphones behind two small protocols.

A source is opened by its constructor, read in the child's only thread, and paces itself: `read` blocks
until the next picture or period is there. `camera_source` and `microphone_source` name the sources that
exist; each stands in a module of its own, imported only when it is asked for.
"""
