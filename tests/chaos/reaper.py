# SPDX-License-Identifier: Apache-2.0
"""Programs that die at a named crash point (CRASH_POINT("name") in the sources, compiled in with a SANITIZER)."""
import os
import re
import threading
import time

from servers import StackError


def points_in(root, folder):
    """Names of crash points in the sources of a folder."""
    found = set()
    for path, _, files in os.walk(f"{root}/{folder}"):
        for name in files:
            if name.endswith(".c"):
                with open(f"{path}/{name}") as f:
                    found |= set(re.findall(r'CRASH_POINT\("([a-z0-9_.]+)"\)', f.read()))
    return sorted(found)


def armed_build(build):
    try:
        with open(f"{build}/bin/workout", "rb") as f:
            return b"tx.after_commit" in f.read()
    except OSError:
        return False


STARTS_MAX = 10


class Reaper:
    """Runs a program that dies at the n-th hit of a point."""

    def __init__(self, program, point):
        self.program, self.point = program, point

    def arm(self, n):
        """Ends what runs. Who dies before it is ready is given one hit more; returns how often that happened."""
        self.program.kill9()
        for deaths in range(STARTS_MAX):
            self.program.env["FIT_CRASH_POINT"] = f"{self.point}:{n + deaths}"
            try:
                self.program.start()
                return deaths
            except StackError:
                if deaths == STARTS_MAX - 1:
                    raise

    def disarm(self):
        self.program.kill9()
        self.program.env.pop("FIT_CRASH_POINT", None)
        self.program.start()

    @property
    def dead(self):
        return self.program.pid() is None


class Keeper:
    """Reapers of several programs, watched by a thread: who has died lives again, armed for one hit more each time, until it
    has died `deaths_max` times and may go on in peace. `with Keeper(reapers): …` disarms at the end."""

    def __init__(self, reapers, deaths_max=4):
        self.reapers, self.deaths_max = reapers, deaths_max
        self.deaths = {r.program.name: 0 for r in reapers}
        self.error = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        for reaper in self.reapers:
            self.deaths[reaper.program.name] += reaper.arm(1)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()
        for reaper in self.reapers:
            reaper.disarm()
        if self.error:
            raise self.error

    def _run(self):
        try:
            while not self._over.wait(0.01):
                for reaper in self.reapers:
                    if reaper.dead:
                        self._raise(reaper)
        except StackError as e:
            self.error = e

    def _raise(self, reaper):
        name = reaper.program.name
        self.deaths[name] += 1
        if self.deaths[name] < self.deaths_max:
            self.deaths[name] += reaper.arm(1 + self.deaths[name])
        else:
            reaper.disarm()

    def wait_for_deaths(self, seconds):
        """Until each has died once."""
        end = time.monotonic() + seconds
        while not all(self.deaths.values()):
            assert time.monotonic() < end and not self.error, f"not everybody died: {self.deaths} {self.error or ''}"
            time.sleep(0.02)
