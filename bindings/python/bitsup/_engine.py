"""What receives uploads, for a server or on its own."""

from __future__ import annotations

from typing import Any, Mapping

from . import options as _options
from ._handle import Owned, StrPath, call, make, path, text
from ._load import lib
from .hooks import Hooks
from .options import DURABILITY, chosen, unsigned

#: All options that `engine` takes.
KNOWN = (_options.ENGINE, _options.STORE, _options.HOST)


def engine(root: StrPath, hooks: Hooks, options: Mapping[str, Any]) -> Owned:
    """An engine over a directory; options that are not its own are left to others."""
    config = Owned(lib.bitsup_engine_config_new(), lib.bitsup_engine_config_free)
    _options.apply(_options.ENGINE, config, options)
    if "host_id" in options:
        fallback = unsigned(options.get("host_id_fallback_timeout", 0), 32)
        call(lib.bitsup_engine_config_set_host_id, config, text(options["host_id"]), fallback)
    elif "host_id_fallback_timeout" in options:
        raise ValueError("host_id_fallback_timeout is of use with a host_id only")
    call(lib.bitsup_engine_config_set_hooks, config, hooks.attached())
    call(lib.bitsup_engine_config_set_store, config, _store(root, options))
    return make(lib.bitsup_engine_new, lib.bitsup_engine_free, config)


def _store(root: StrPath, options: Mapping[str, Any]) -> Owned:
    durability = chosen(DURABILITY)(options.get("durability", "file"))
    shared = 1 if options.get("shared", False) else 0
    return make(lib.bitsup_store_new_dir, lib.bitsup_store_free, path(root), durability, shared)
