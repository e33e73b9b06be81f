# SPDX-License-Identifier: Apache-2.0
"""What befalls a stack."""
import os
import random
import signal
import socket
import threading
import time

from servers import StackError


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as f:
        return [int(word) for word in f.read().split()]


def kill_postgres(postgres):
    """SIGKILL to the postmaster and all backends, then recovery from the log."""
    postgres.kill9()
    end = time.monotonic() + 10
    while True:
        try:
            postgres.start()
            return
        except StackError:  # the kernel has not taken all of them away yet
            if time.monotonic() > end:
                raise
            time.sleep(0.02)


def crash_backend(postgres, rng):
    """SIGKILL to one backend: the postmaster ends all the others and recovers by itself."""
    backends = children(postgres.pid())
    if backends:
        os.kill(rng.choice(backends), signal.SIGKILL)


def freeze(pid, seconds):
    """Alive, and silent: what only a deadline notices."""
    os.kill(pid, signal.SIGSTOP)
    time.sleep(seconds)
    os.kill(pid, signal.SIGCONT)


class Killer:
    """Until over(), kills a program (or Redis) at random and starts it again; PostgreSQL now and then; or freezes one."""

    def __init__(self, stack, rng, over, spared=(), postgres_every=12):
        self.stack, self.rng, self.over = stack, rng, over
        self.postgres_every = postgres_every
        self.victims = [d for d in stack.daemons() if d.name not in ("postgres", "devidp", *spared)]
        self.kills = []

    def run(self):
        while not self.over():
            time.sleep(0.2 + self.rng.random() * 1.5)
            n = self.rng.randrange(2 * self.postgres_every)
            if n == 0:
                kill_postgres(self.stack.postgres)
                self.kills.append("postgres")
            elif n == 1:
                crash_backend(self.stack.postgres, self.rng)
                self.kills.append("backend")
            elif n in (2, 3):
                victim = self.rng.choice(self.victims + [self.stack.postgres])
                pid = self.rng.choice(children(victim.pid())) if victim is self.stack.postgres else victim.pid()
                freeze(pid, self.rng.random() * 3)
                self.kills.append(f"frozen {victim.name}")
            else:
                self.kill_some()

    def kill_some(self):
        """One program, or two at a time; they start again in the order of the stack, for each waits for those before it."""
        chosen = self.rng.sample(self.victims, 1 + (self.rng.random() < 0.2))
        victims = [v for v in self.victims if v in chosen]
        for victim in victims:
            victim.kill9()
            self.kills.append(victim.name)
        time.sleep(self.rng.random() * 0.3)
        for victim in victims:
            victim.start()


class Redis:
    """A raw connection, for FLUSHALL."""

    def __init__(self, redis):
        self.sock = socket.create_connection(("127.0.0.1", redis.port), 2)
        self.call(f"AUTH {redis.password}")

    def call(self, line):
        self.sock.sendall(line.encode() + b"\r\n")
        reply = self.sock.recv(4096)
        assert reply[:1] != b"-", reply
        return reply


class Crew:
    """Threads that work until the time is up or one of them has failed."""

    def __init__(self, seconds):
        self.until = time.monotonic() + seconds
        self.errors = []

    def pause(self):
        """Between two attempts; nobody goes on trying when another has failed."""
        if self.errors:
            raise self.errors[0]
        time.sleep(0.02 + random.random() * 0.1)

    def over(self):
        return time.monotonic() > self.until or bool(self.errors)

    def _guarded(self, fn):
        try:
            fn()
        except BaseException as e:  # noqa: B902  # the caller raises it
            self.errors.append(e)

    def work(self, *functions):
        threads = [threading.Thread(target=self._guarded, args=(fn,)) for fn in functions]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
