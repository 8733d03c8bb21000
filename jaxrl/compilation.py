"""Compiled programs: kept on disk between runs, and counted while one runs."""

import os
import pathlib

import jax

_COMPILED = "/jax/core/compile/backend_compile_duration"


def keep_on_disk() -> None:
  """Turns JAX's persistent cache on, in ~/.cache/jaxrl/compiled.

  JAX's own variables go first: JAX_COMPILATION_CACHE_DIR names another folder, and
  JAX_ENABLE_COMPILATION_CACHE=false turns it off.
  """
  if getattr(jax.config, "jax_compilation_cache_dir", None) is not None:
    return
  home = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
  folder = pathlib.Path(home) / "jaxrl" / "compiled"
  jax.config.update("jax_compilation_cache_dir", str(folder))
  jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.5)


class Compilations:
  """Counts what is compiled, from its construction on."""

  def __init__(self):
    self._seconds = 0.0
    self._count = 0
    jax.monitoring.register_event_duration_secs_listener(self._hear)

  def _hear(self, event: str, duration_secs: float, **_: str | int) -> None:
    if event == _COMPILED:
      self._seconds += duration_secs
      self._count += 1

  def since(self) -> dict[str, float]:
    """`compile_seconds` and `compilations` since the last call, those on disk too."""
    seen = {
      "compile_seconds": self._seconds,
      "compilations": float(self._count),
    }
    self._seconds, self._count = 0.0, 0
    return seen

  def close(self) -> None:
    """Stops counting."""
    jax.monitoring.unregister_event_duration_listener(self._hear)
