"""`edgemeet run` that does not know transport-wide congestion control: the server then tells by REMB."""

from __future__ import annotations

from edgemeet.cli import main
from edgemeet.ortc import capabilities
from edgemeet.ortc.header_extensions import TRANSPORT_WIDE_CC

capabilities._FEEDBACK -= {("transport-cc", "")}
capabilities._EXTENSIONS = {
    kind: tuple(uri for uri in uris if uri != TRANSPORT_WIDE_CC)
    for kind, uris in capabilities._EXTENSIONS.items()
}

if __name__ == "__main__":
    main()
