"""Reads include/bitsup.h and writes the raw layers of the bindings from it."""
