"""Encoders behind one small protocol, each in a module of its own."""
