"""Holds a write lease on a file, as a file server does for its clients, and gives it up when somebody opens the file.

    lease.py FILE    `ready` goes to standard output, `broken` when the lease was given up; ends when standard input ends
"""

import fcntl
import os
import signal
import sys

held = os.open(sys.argv[1], os.O_RDONLY)


def give_up(_number, _frame):
    os.write(1, b"broken\n")
    fcntl.fcntl(held, fcntl.F_SETLEASE, fcntl.F_UNLCK)


signal.signal(signal.SIGIO, give_up)
fcntl.fcntl(held, fcntl.F_SETLEASE, fcntl.F_WRLCK)
os.write(1, b"ready\n")
sys.stdin.read()
