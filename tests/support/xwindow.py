"""Windows under Xvfb, each in a process of its own."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

Process = subprocess.Popen[str]
_SCRIPT = """
import sys, tkinter
root = tkinter.Tk()
root.title(sys.argv[1])
root.geometry(sys.argv[2])
if sys.argv[3].startswith("#"):
    root.configure(background=sys.argv[3])
else:
    picture = tkinter.PhotoImage(file=sys.argv[3])
    tkinter.Label(root, image=picture, borderwidth=0, highlightthickness=0).place(x=0, y=0)
def do():
    line = sys.stdin.readline().split()
    if not line:
        root.destroy()
        return
    {"size": root.geometry, "title": root.title}[line[0]](line[1])
    root.update()
    print("done", flush=True)
root.bind("<Map>", lambda event: event.widget is root and root.after_idle(lambda: print("shown", flush=True)))
root.createfilehandler(sys.stdin, tkinter.READABLE, lambda *_: do())
root.mainloop()
"""


@contextmanager
def shown_window(display: str, title: str, place: str = "200x150+30+40", content: str = "#ff0000") -> Iterator[Process]:
    """Show a window of one colour, or with a PNG file, until the end of the block."""
    with subprocess.Popen(
        [sys.executable, "-c", _SCRIPT, title, place, content], env={**os.environ, "DISPLAY": display, "LC_ALL": "C.UTF-8"},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == "shown\n"
        try:
            yield process
        finally:
            process.terminate()


def tell_window(process: Process, order: str) -> None:
    """Give a window another `size WxH` or `title WORD`, and wait until it has it."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(order + "\n")
    process.stdin.flush()
    assert process.stdout.readline() == "done\n"
