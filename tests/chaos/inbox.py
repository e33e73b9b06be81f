# SPDX-License-Identifier: Apache-2.0
"""One user's open inbox stream: it breaks, comes back with the last event id it has, and must miss and repeat nothing.

    inbox = Inbox(api_of_the_user); inbox.read(until=lambda: len(inbox.seen) == 3 or over())
"""
import http.client
import json
import time


class Inbox:
    """`seen`: ids of notifications in the order they came; `breaks`: how often the stream ended or was lost.
    Belongs to one thread."""

    def __init__(self, api):
        self.api, self.seen, self.last_id, self.breaks = api.clone(), [], "0", 0

    def read(self, until, patience=5.0):
        """Until until() is true, which is asked at each message (heart-beats included) and each break. A stream that says
        nothing for `patience` seconds is given up, as by a phone that lost its network."""
        while not until():
            try:
                self._read_one_stream(until, patience)
            except (OSError, http.client.HTTPException):
                pass
            self.breaks += 1
            time.sleep(0.05)

    def _read_one_stream(self, until, patience):
        conn = http.client.HTTPConnection(self.api.host, self.api.port, timeout=patience)
        try:
            conn.request("GET", "/api/v1/notifications/stream", headers={
                "Authorization": f"Bearer {self.api.token}", "Accept": "text/event-stream", "Last-Event-ID": self.last_id})
            reply = conn.getresponse()
            if reply.status != 200:
                assert reply.status in (401, 408, 429, 500, 502, 503, 504), (reply.status, reply.read()[:300])
                return
            event = {}
            while not until():
                line = reply.readline().decode()
                if line == "":
                    return
                line = line.rstrip("\n")
                if line == "":
                    self._take(event)
                    event = {}
                elif not line.startswith(":"):
                    name, value = line.split(": ", 1)
                    event[name] = value
        finally:
            conn.close()

    def _take(self, event):
        if event.get("event") == "notification":
            assert int(event["id"]) > int(self.last_id), (event["id"], self.last_id, "a number that came before")
            self.seen.append(json.loads(event["data"])["id"])
        self.last_id = event.get("id", self.last_id)
