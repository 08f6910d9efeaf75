"""Runs a program at a terminal: terminal.py '[["expected", "typed"], ...]' PROGRAM ARGS...

Types each text when what it expects has appeared; a third word is a file that is made then. Prints the whole screen; exits as the program does.
"""
import json
import os
import pty
import sys

steps = json.loads(sys.argv[1])
child, terminal = pty.fork()
if child == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
screen, seen = b"", 0
while True:
    try:
        part = os.read(terminal, 4096)
    except OSError:
        break
    if not part:
        break
    screen += part
    if steps and steps[0][0].encode() in screen[seen:]:
        seen = len(screen)
        _, typed, *made = steps.pop(0)
        for path in made:
            open(path, "w").close()
        os.write(terminal, typed.encode())
sys.stdout.buffer.write(screen)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
