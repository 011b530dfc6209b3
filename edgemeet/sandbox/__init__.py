"""A local room that speaks VideoSDK's wire, for development, demonstration and tests."""

from edgemeet.sandbox.app import create_app
from edgemeet.sandbox.options import SandboxAddress, SandboxOptions
from edgemeet.sandbox.sandbox import Sandbox
from edgemeet.sandbox.server import running_sandbox, serve

__all__ = ["Sandbox", "SandboxAddress", "SandboxOptions", "create_app", "running_sandbox", "serve"]
