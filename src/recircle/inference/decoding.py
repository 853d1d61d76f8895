"""Clips to what the network sees of them: one, several ahead of the network, or several at once."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import islice
from pathlib import Path

from jaxtyping import UInt8
from torch import Tensor

from recircle.decode.error import DecodeError
from recircle.decode.pool import DecoderPool
from recircle.decode.probe import Probe
from recircle.inference.clips import Clip, name_of, opened
from recircle.views.cut import frame_views, whole_file_views
from recircle.views.views import EvalViews

_THREADS = "recircle-decode"


def views_of(clip: Clip, fps: float, views: EvalViews, decoders: DecoderPool) -> UInt8[Tensor, "V T 3 h w"]:
    """Return what the network sees of a clip in any of its forms; see `Recognizer.__call__`.

    Raises:
        DecodeError: a file cannot be decoded; the message names what was given, and not a copy of it.
    """
    with opened(clip) as found:
        if isinstance(found, Tensor):
            return frame_views(found, views, fps=fps)
        try:
            return whole_file_views(found, views, decoders=decoders)
        except DecodeError as error:
            if isinstance(clip, (str, Path)):
                raise
            raise DecodeError(name_of(clip), error.reason) from None


def decode_ahead(
    paths: Iterable[Path], views: EvalViews, *, seconds: float, workers: int
) -> Iterator[tuple[Path, Tensor | DecodeError]]:
    """Yield each path, in order, with the views [V, T, 3, h, w] of its clip, or with why it cannot be decoded.

    Other processes decode ahead of whoever takes the views, and end with the iterator.

    Args:
        paths: files and folders of frames.
        views: what is seen of a clip.
        seconds: after how long a file is given up.
        workers: number of processes, and of clips decoded ahead.
    """
    remaining = iter(paths)
    threads = ThreadPoolExecutor(workers, thread_name_prefix=_THREADS)
    with DecoderPool(seconds=seconds) as decoders:
        decode = partial(whole_file_views, views=views, decoders=decoders)
        ahead: deque[tuple[Path, Future[Tensor]]] = deque()
        try:
            for path in islice(remaining, workers + 1):
                ahead.append((path, threads.submit(decode, path)))
            while ahead:
                path, future = ahead.popleft()
                try:
                    found: Tensor | DecodeError = future.result()
                except DecodeError as error:
                    found = error
                for later in islice(remaining, 1):
                    ahead.append((later, threads.submit(decode, later)))
                yield path, found
        finally:
            # who leaves early does not wait for what is being decoded
            threads.shutdown(wait=False, cancel_futures=True)
            decoders.close()


def decode_together(
    paths: Sequence[Path],
    views: EvalViews,
    decoders: DecoderPool,
    check: Callable[[Path, Probe], object] | None = None,
) -> list[Tensor | DecodeError]:
    """Return for each path the views [V, T, 3, h, w] of its clip, or why it cannot be decoded, all decoded at once."""

    def decode(path: Path) -> Tensor | DecodeError:
        try:
            return whole_file_views(path, views, decoders=decoders, check=check)
        except DecodeError as error:
            return error

    with ThreadPoolExecutor(max(1, len(paths)), thread_name_prefix=_THREADS) as threads:
        return list(threads.map(decode, paths))
