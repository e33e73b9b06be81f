# SPDX-License-Identifier: Apache-2.0
"""Samples open files, threads and resident memory of running processes, to see that none of them only grows.

A process that was restarted begins anew, so only the longest life of each program is judged, from its warm-up on.
"""
import os
import threading
import time

WARM_UP_S = 10


class Life:
    def __init__(self, pid):
        self.pid, self.began, self.samples = pid, time.monotonic(), []  # (age, fds, threads, rss in KiB)


class Vitals:
    def __init__(self, programs, every=0.5):
        self.programs, self.every = programs, every
        self.lives = {p.name: [] for p in programs}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()

    def _run(self):
        while not self._stop.wait(self.every):
            for program in self.programs:
                self._sample(program)

    def _sample(self, program):
        pid = program.pid()
        if pid is None:
            return
        lives = self.lives[program.name]
        if not lives or lives[-1].pid != pid:
            lives.append(Life(pid))
        try:
            fds = len(os.listdir(f"/proc/{pid}/fd"))
            with open(f"/proc/{pid}/status") as f:
                status = dict(line.split(":", 1) for line in f)
            life = lives[-1]
            life.samples.append((time.monotonic() - life.began, fds, int(status["Threads"]), int(status["VmRSS"].split()[0])))
        except (OSError, KeyError, ValueError):
            pass  # killed meanwhile

    def report(self):
        """A line per program, and whether files or threads grew after the warm-up: the last quarter of a life against
        the first after it."""
        grown = []
        for name, lives in self.lives.items():
            life = max(lives, key=lambda l: l.samples[-1][0] if l.samples else 0, default=None)
            warm = [s for s in life.samples if s[0] > WARM_UP_S] if life else []
            if len(warm) < 8:
                print(f"  {name:<8} lived too short for a judgement ({len(lives)} lives)")
                continue
            quarter = len(warm) // 4
            early, late = warm[:quarter], warm[-quarter:]
            peak = [max(s[i] for s in warm) for i in (1, 2, 3)]
            print(f"  {name:<8} {len(lives):>3} lives, longest {warm[-1][0]:.0f} s: files {min(s[1] for s in warm)}..{peak[0]}, "
                  f"threads ..{peak[1]}, RSS {early[0][3] // 1024} -> {late[-1][3] // 1024} MiB")
            for what, i, slack in (("files", 1, 8), ("threads", 2, 2)):
                if min(s[i] for s in late) > max(s[i] for s in early) + slack:
                    grown.append(f"{name}: {what} grew from {max(s[i] for s in early)} to {min(s[i] for s in late)}")
        return grown
