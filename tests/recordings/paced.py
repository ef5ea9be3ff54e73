"""python paced.py FD PROGRAM ARGUMENT...: runs a Python program whose sleep is somebody else's to end.

Each time.sleep is told over the socket FD, as a line with its seconds, and lasts until a byte comes back. So a test is
the clock: it waits for nothing, and the machine's speed plays no part.
"""

import runpy
import socket
import sys
import time

link = socket.socket(fileno=int(sys.argv[1]))


def sleep(seconds: float) -> None:
    link.sendall(b"%g\n" % seconds)
    if not link.recv(1):
        sys.exit("the clock is gone")


time.sleep = sleep
sys.argv = sys.argv[2:]
runpy.run_path(sys.argv[0], run_name="__main__")
