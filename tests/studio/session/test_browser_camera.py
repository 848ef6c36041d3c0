"""The feed of the browser's camera: every picture is acknowledged, so that the page never stops sending."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from mien.studio.session import plain_picture
from mien.studio.session.browser_camera import JPEG, PLAIN, BrowserCamera, BrowserFeed, CameraTuning, Picture


def feed_of(taken: list[int], page: str = "page", tuning: CameraTuning | None = None) -> BrowserFeed:
    feed = BrowserFeed(tuning or CameraTuning())
    feed.begin(page, taken.append, lambda: None, lambda: None)
    return feed


def give(feed: BrowserFeed, *sequences: int, page: str = "page") -> None:
    for sequence in sequences:
        feed.give(page, Picture(JPEG, sequence, 0.0, b""))


def test_forgotten_pictures_are_acknowledged() -> None:
    taken: list[int] = []
    feed = feed_of(taken)
    give(feed, 1, 2)
    feed.forget()
    assert taken == [1, 2]
    assert feed.take(0) is None
    give(feed, 3)
    assert feed.take(0) is not None
    assert taken == [1, 2, 3]


def test_pictures_are_acknowledged_when_another_page_takes_over_and_at_the_end() -> None:
    first, second = list[int](), list[int]()
    feed = feed_of(first)
    give(feed, 1, 2)
    feed.begin("other", second.append, lambda: None, lambda: None)
    assert first == [1, 2]
    give(feed, 7, page="other")
    give(feed, 3)
    feed.end("page")
    assert second == [], "the page that was replaced ends nothing"
    feed.end("other")
    assert (first, second, feed.feeder) == ([1, 2], [7], None)


def test_a_full_queue_drops_and_acknowledges_the_newest() -> None:
    taken: list[int] = []
    feed = feed_of(taken, tuning=CameraTuning(max_queued_pictures=2))
    give(feed, 1, 2, 3)
    assert taken == [3]


def test_plain_pictures_are_read_and_broken_ones_left_out() -> None:
    feed = feed_of([])
    picture = np.full((48, 64, 3), 90, np.uint8)
    data = plain_picture.written(picture)
    assert data is not None
    with ThreadPoolExecutor(1) as pool:
        # The camera drops what lies in the feed when it is opened.
        opened = pool.submit(BrowserCamera(feed).__enter__)
        sequence = 0
        while not opened.done():
            sequence += 1
            feed.give("page", Picture(PLAIN, sequence, 0.0, data))
        camera = opened.result()
    feed.forget()
    feed.give("page", Picture(PLAIN, sequence + 1, 0.0, data[:-1]))
    feed.give("page", Picture(PLAIN, sequence + 2, 0.0, data))
    for frame in (camera.read(), camera.read()):
        assert frame is not None
        assert frame.image.shape == picture.shape
        assert np.abs(frame.image.astype(int) - 90).max() <= 1
