"""Parses include/bitsup.h and generates the raw layers of the bindings from it."""
