import threading
import time

import pytest

from custlens.api._limiter import Limiter, Stopped


def test_the_first_burst_goes_out_at_once():
    limiter = Limiter(limit=50, window=60)
    for _ in range(50):
        with limiter.slot():
            pass
    assert limiter.waited == 0
    assert limiter.left == 0


def test_a_place_comes_back_one_window_after_the_answer():
    limiter = Limiter(limit=1, window=0.2)
    with limiter.slot():
        time.sleep(0.1)  # the shop may have counted the request at any moment until now
    answered = time.monotonic()
    with limiter.slot():
        assert time.monotonic() - answered >= 0.2
    assert limiter.waited > 0.1


def test_threads_share_one_window():
    limiter = Limiter(limit=5, window=0.25)
    sent = []

    def work() -> None:
        for _ in range(5):
            with limiter.slot():
                sent.append(time.monotonic())

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sent.sort()
    assert len(sent) == 20
    assert all(later - earlier >= 0.25 for earlier, later in zip(sent, sent[5:], strict=False))


def test_a_pause_holds_everyone():
    limiter = Limiter(limit=10, window=60)
    limiter.pause(0.2)
    started = time.monotonic()
    with limiter.slot():
        assert time.monotonic() - started >= 0.19


def test_a_wait_ends_when_the_work_is_stopped():
    limiter = Limiter(limit=10, window=60)
    limiter.pause(30)
    stop = threading.Event()
    threading.Timer(0.1, stop.set).start()
    started = time.monotonic()
    with pytest.raises(Stopped), limiter.slot(stop):
        pass
    assert time.monotonic() - started < 1
    assert limiter.left == 10
