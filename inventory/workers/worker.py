"""A worker: a process that sends what it is told to send, and prepares what comes back. It decides nothing.

Pace, patience, signatures and what an answer means stay with the export; so a worker can be done without
(`workers: 0`), and one that is killed costs the run, never the database. It ends with the export, however that ends.
"""

import gc
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from inventory.errors import SourceError
from inventory.exchange import NoAnswerError, Request
from inventory.http import Http
from inventory.redact import Redactor
from inventory.strict.big import AnySize, Spool
from inventory.workers.wire import Channel, Frame, pack_answer

__all__ = ["serve"]


def serve(controls: Sequence[int]) -> None:
    """Serve every channel that comes over a control socket, until that is closed: a process for each of them.

    Args:
        controls: their file descriptors. Over the first comes a source that all will be for.
    """
    for number in (signal.SIGINT, signal.SIGTERM):  # sent to the whole group, perhaps: the export's to hear
        signal.signal(number, signal.SIG_IGN)
    sys.setswitchinterval(0.0002)  # seconds: who has an answer to read is let in while others are prepared
    sockets = [socket.socket(fileno=control) for control in controls]
    opened = _Opened()
    if (source := Channel(sockets[0]).receive()) is not None:
        with suppress(SourceError):  # who asks for it hears of it
            opened.of(source)
    mine, forks = _forked(sockets)
    with mine:
        while True:
            word, descriptors, _, _ = socket.recv_fds(mine, 1, 1)
            if not word:
                for fork in forks:
                    os.waitpid(fork, 0)
                os._exit(0)  # threads may still wait for the service; nobody waits for them
            for descriptor in descriptors:
                channel = Channel(socket.socket(fileno=descriptor))
                threading.Thread(target=_converse, args=(channel, opened), daemon=True).start()


def _forked(controls: Sequence[socket.socket]) -> tuple[socket.socket, list[int]]:
    """Become a process for each control socket, before there are threads; return this one's, and its forks."""
    mine, *others = controls
    forks: list[int] = []
    gc.freeze()  # what was made so far is shared, as long as nobody writes to it
    for other in others:
        if (fork := os.fork()) == 0:
            mine, forks = other, []
            break
        forks.append(fork)
    for each in controls:
        if each is not mine:
            each.close()  # else nobody would notice when its own process is gone
    return mine, forks


class _Opened:
    """The connections of this process, shared by the sources of one address."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made: dict[Any, Http] = {}

    def of(self, source: Frame) -> Http:
        with self._lock:
            if source not in self._made:
                url, timeout, max_body, fingerprint_key, columns = source
                prepare = AnySize(Redactor(fingerprint_key, frozenset(columns))).body
                self._made[source] = Http(url, timeout=timeout, max_body=max_body, prepare=prepare)
            return self._made[source]


def _converse(channel: Channel, opened: _Opened) -> None:
    """Answer one channel: first which source it is for, then request after request."""
    source = channel.receive()
    if source is None:
        return
    try:
        http = opened.of(source)
    except SourceError as error:
        channel.send(("error", error.summary, error.hint))
        return
    try:
        channel.send(("open", http.host, http.base_path))
        while (request := channel.receive()) is not None:
            channel.send(*_sent(http, request, lambda: channel.send(("arrived",))))
    except OSError:
        return  # whoever asked is gone


def _sent(http: Http, request: Frame, arrived: Callable[[], None]) -> tuple[Frame, list[Spool]]:
    try:
        answer = http.send(Request(*request), arrived)
    except NoAnswerError as error:
        return ("none", error.reason, error.retry, error.reached, error.detail, error.hint), []
    except SourceError as error:
        return ("error", error.summary, error.hint), []
    frame, files = pack_answer(answer)
    return ("answer", *frame), files
