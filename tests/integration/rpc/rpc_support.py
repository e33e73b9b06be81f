# SPDX-License-Identifier: Apache-2.0
"""Starts the test server, and makes grpcio stubs from the protoset at run time."""
import os
import pathlib
import signal
import subprocess
import tempfile
import time

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

ROOT = pathlib.Path(__file__).resolve().parents[3]
BUILD = pathlib.Path(os.environ["FIT_BUILD"])
PROTOSET = BUILD / "gen" / "rpc_test.protoset"
SERVER = BUILD / "test" / "rpc_test_server"
SERVICE = "fit.test.v1.TestService"
SANITIZED = any(mark in SERVER.read_bytes() for mark in (b"__asan_init", b"__tsan_init"))

pool = descriptor_pool.DescriptorPool()
_set = descriptor_pb2.FileDescriptorSet.FromString(PROTOSET.read_bytes())
for _file in _set.file:
    pool.Add(_file)
_factory = message_factory.MessageFactory(pool)


def message(name):
    return _factory.GetPrototype(pool.FindMessageTypeByName(name))


EchoRequest = message("fit.test.v1.EchoRequest")
EchoReply = message("fit.test.v1.EchoReply")
StreamRequest = message("fit.test.v1.StreamRequest")
StreamReply = message("fit.test.v1.StreamReply")
Nothing = message("fit.test.v1.Nothing")
Counters = message("fit.test.v1.Counters")


def method(channel, name, service=SERVICE):
    """A callable of the right kind for one method, as generated stubs would have."""
    desc = pool.FindServiceByName(service).methods_by_name[name]
    proto = descriptor_pb2.MethodDescriptorProto()
    desc.CopyToProto(proto)
    kind = {
        (False, False): channel.unary_unary,
        (False, True): channel.unary_stream,
        (True, False): channel.stream_unary,
        (True, True): channel.stream_stream,
    }[(proto.client_streaming, proto.server_streaming)]
    return kind(
        f"/{service}/{name}",
        request_serializer=lambda m: m.SerializeToString(),
        response_deserializer=message(desc.output_type.full_name).FromString,
    )


class Server:
    """The test server as a process; use as a context manager."""

    def __init__(self, *options, address="127.0.0.1:0", env=None):
        # A file, not a pipe: nobody reads while the test runs.
        self.log_file = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            [str(SERVER), str(PROTOSET), address, *options],
            stdout=subprocess.PIPE,
            stderr=self.log_file,
            env={**os.environ, **(env or {})},
        )
        line = self.process.stdout.readline().decode()
        if not line.startswith("port "):
            raise RuntimeError(self.read_log())
        self.port = int(line.split()[1])
        self.target = f"127.0.0.1:{self.port}"

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self):
        """SIGTERM; returns exit status and what it logged."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=40)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        self.process.stdout.close()
        self.log = self.read_log()
        return self.process.returncode

    def read_log(self):
        self.log_file.seek(0)
        return self.log_file.read().decode(errors="replace")

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        status = self.stop()
        # Sanitizers report through the exit status and stderr.
        assert "ERROR: AddressSanitizer" not in self.log, self.log
        assert "WARNING: ThreadSanitizer" not in self.log, self.log
        assert "runtime error" not in self.log, self.log
        if exc[0] is None:
            assert status == 0, (status, self.log)


def connect(server, **options):
    return grpc.insecure_channel(server.target, options=[
        ("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1),
        # A channel of its own, not one shared through grpcio's pool of connections.
        ("grpc.use_local_subchannel_pool", 1), *options.items()])


def observe(channel):
    return method(channel, "Observe")(Nothing(), timeout=10)


def wait_for(condition, seconds=10.0):
    """Polls until the condition holds; the value it then has."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value or time.monotonic() > end:
            return value
        time.sleep(0.005)


def wait_running(server, count):
    """Until so many handlers run."""
    with connect(server) as channel:
        assert wait_for(lambda: observe(channel).running >= count)
