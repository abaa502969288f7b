"""The plans that are kept on disk."""

from __future__ import annotations

from ._derived import forget_plans


def clear_cache() -> int:
    """Removes the plans that were derived and kept on disk.

    They lie in ``keras-stablef`` in the user's cache folder (``~/.cache`` on
    Linux, ``~/Library/Caches`` on macOS, ``%LOCALAPPDATA%`` on Windows), or
    where KERAS_STABLEF_CACHE says; "" keeps none.  Another version derives
    its own, and nothing there is ever out of date: this is for room on the
    disk.  What already runs goes on.

    Returns:
        How many there were; nothing but plans is removed.

    Example:
        >>> ks.clear_cache()
    """
    return forget_plans()
