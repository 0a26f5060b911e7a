"""The inbox of a driver: news and timers in one place, ended by a close."""

import threading
import time

from console.runtime.inbox import Inbox


def test_news_comes_before_timers_and_timers_in_the_order_they_are_due() -> None:
    inbox: Inbox[str] = Inbox()
    inbox.after(0.02, "second")
    inbox.after(0.01, "first")
    inbox.after(60.0, "never")
    inbox.put("news")
    heard = []
    for item in inbox:
        heard.append(item)
        if len(heard) == 3:
            inbox.close()
    assert heard == ["news", "first", "second"]


def test_a_waiting_driver_is_woken_by_another_thread_and_by_the_close() -> None:
    inbox: Inbox[int] = Inbox()
    heard: list[int] = []
    thread = threading.Thread(target=lambda: heard.extend(inbox))
    thread.start()
    for n in range(100):
        inbox.put(n)
    begun = time.monotonic()
    while len(heard) < 100 and time.monotonic() - begun < 5:
        pass
    inbox.close()
    thread.join(5)
    assert not thread.is_alive()
    assert heard == list(range(100))
