# SPDX-License-Identifier: Apache-2.0
"""A whole stack in one directory: `Stack(directory, build).up()` makes what is missing and starts the rest.

The command line for it is `stack` beside this file; tests use the class with ports of their own:

    stack = Stack("/tmp/x", "build/address", durable=False, ports=free_ports()); stack.up(say=quiet); … stack.down()
"""
import contextlib
import fcntl
import os
import secrets
import shutil
import subprocess
import sys

import servers
import stackdefs
from servers import StackError


def free_ports():
    """A free port for each name of the tables."""
    return {name: servers.free_port() for name in stackdefs.PORTS}


class Stack:
    def __init__(self, directory, build, durable=True, ports=None, overrides=None):
        """`overrides`: {program: {FIT_X: text}} on top of the tables."""
        self.dir = os.path.abspath(directory)
        self.bin = os.path.join(os.path.abspath(build), "bin")
        self.durable = durable
        self.overrides = overrides or {}
        self.ports = ports or stackdefs.ports_from_environment()
        self.postgres = servers.Postgres(self.dir, self.ports["postgres"], durable)
        self.redis = servers.Redis(self.dir, self.ports["redis"], durable)
        self.clickhouse = servers.Clickhouse(self.dir, self.ports["clickhouse"])
        self.programs = {name: self._program(name) for name in stackdefs.PROGRAMS}

    def _program(self, name):
        port, path = (self.ports["devidp"], "/health") if name == "devidp" else (self.ports[name + "_admin"], "/ready")
        env = stackdefs.environment(name, self.dir, self.ports) | self.overrides.get(name, {})
        return servers.Program(name, f"{self.bin}/{name}", self.dir, env, port, path)

    def daemons(self):
        return [self.postgres, self.redis, self.clickhouse, *self.programs.values()]

    # ---- up ----

    def up(self, say=print):
        for sub in ("run", "log", "keys", "secrets", "keys/auth", "keys/kek", "spool"):
            os.makedirs(f"{self.dir}/{sub}", mode=0o700, exist_ok=True)
        with self._alone():
            self._up(say)

    @contextlib.contextmanager
    def _alone(self):
        """One `up`, `down` or `reset` at a time."""
        if not os.path.isdir(f"{self.dir}/run"):
            yield
            return
        with open(f"{self.dir}/run/lock", "a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                lock.seek(0)
                raise StackError(f"another make is starting or stopping this stack (pid {lock.read().strip()}); wait for "
                                 "it and try again") from None
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            yield

    def _up(self, say):
        started = []
        try:
            self._check_ports()
            self._make_secrets()
            self._start(self.redis, started, say)
            if not self.postgres.created():
                say("  creating the database cluster")
                self.postgres.create(self._secret_path("pg_super"))
            self._start(self.postgres, started, say)
            self._make_roles()
            self._start(self.clickhouse, started, say)
            for program in self.programs.values():
                self._start(program, started, say)
            self._write_env()
            servers.check_interrupted()
        except BaseException:
            for daemon in reversed(started):
                daemon.stop()
            raise

    def _start(self, daemon, started, say):
        """Starts what does not run, and starts again what is not what it would be now."""
        servers.check_interrupted()
        if daemon.pid() is not None:
            why = daemon.outdated()
            if not why:
                return
            say(f"  stopping {daemon.name}: {why}")
            daemon.stop()
        started.append(daemon)
        if daemon.name in stackdefs.SERVICES:
            say(f"  migrating {daemon.name}")
            daemon.migrate(stackdefs.owner_environment(daemon.name, self.dir, self.ports))
        say(f"  starting {daemon.name}")
        daemon.start()

    def _check_ports(self):
        wanted = {d: [d.name] for d in (self.postgres, self.redis, self.clickhouse)}
        for name, program in self.programs.items():
            wanted[program] = [p for p in (name, name + "_admin") if p in self.ports]
        for daemon, names in wanted.items():
            for name in names:
                port = self.ports[name]
                if servers.port_free(port):
                    continue
                pid, comm = servers.port_owner(port)
                if pid == 0 or pid != daemon.pid():
                    raise StackError(f"port {port} ({name}) is in use{f' by pid {pid} ({comm})' if pid else ''}; stop "
                                     f"that, or choose another with {stackdefs.variable(name)}=…")

    # ---- keys and secrets: made once, readable by nobody else ----

    def _secret_path(self, name):
        return f"{self.dir}/secrets/{name}"

    def _secret(self, name, make, again=False):
        path = self._secret_path(name)
        if again or not os.path.exists(path):
            with open(os.open(path + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as f:
                f.write(make())
            os.rename(path + ".new", path)
        with open(path) as f:
            return f.read().strip()

    def _make_secrets(self):
        for role in ["super", *stackdefs.ROLES]:
            self._secret("pg_" + role, lambda: secrets.token_urlsafe(24))
        for name in stackdefs.SECRETS_HEX32:
            self._secret(name, lambda: secrets.token_hex(32))
        self.clickhouse.password = self._secret("clickhouse", lambda: secrets.token_hex(32))
        self.redis.password = self._secret("redis", lambda: secrets.token_urlsafe(24))
        self._secret("redis_url", lambda: f"redis://:{self.redis.password}@127.0.0.1:{self.ports['redis']}/0", again=True)
        for path, kind in stackdefs.KEYS.items():
            self._key(f"{self.dir}/keys/{path}", kind)

    def _key(self, path, kind):
        if os.path.exists(path):
            return
        if kind == "random32":
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as f:
                f.write(secrets.token_hex(32) + "\n")
            return
        args = {"p256": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
                "rsa2048": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]}[kind]
        old = os.umask(0o077)
        try:
            done = subprocess.run(["openssl", "genpkey", *args, "-out", path + ".new"], capture_output=True, text=True)
        finally:
            os.umask(old)
        if done.returncode != 0:
            raise StackError(f"openssl could not make {path}: {done.stderr.strip()}")
        os.rename(path + ".new", path)

    def _make_roles(self):
        """The owner of schemas (migrations) and one login role per service; idempotent."""
        sql = ["SET password_encryption = 'scram-sha-256';"]
        have = self.postgres.psql("SELECT rolname FROM pg_roles", self._secret_path("pg_super")).split()
        for role in stackdefs.ROLES:
            if role not in have:
                with open(self._secret_path("pg_" + role)) as f:
                    sql.append(f"CREATE ROLE {role} LOGIN PASSWORD '{f.read().strip()}';")
        if len(sql) > 1:
            self.postgres.psql("\n".join(sql), self._secret_path("pg_super"))
        databases = self.postgres.psql("SELECT datname FROM pg_database", self._secret_path("pg_super")).split()
        if stackdefs.DATABASE not in databases:
            self.postgres.psql(f"CREATE DATABASE {stackdefs.DATABASE} OWNER {stackdefs.OWNER};\n"
                               f"REVOKE ALL ON DATABASE {stackdefs.DATABASE} FROM PUBLIC;\n",
                               self._secret_path("pg_super"))
        self.postgres.psql("".join(f"GRANT CONNECT ON DATABASE {stackdefs.DATABASE} TO {role};\n"
                                   for role in stackdefs.ROLES), self._secret_path("pg_super"))

    def _write_env(self):
        """What scripts and fitctl want to know of this stack."""
        at = lambda name: f"http://127.0.0.1:{self.ports[name]}"  # noqa: E731
        with open(f"{self.dir}/env", "w") as f:
            f.write(f"FIT_GATEWAY_URL={at('gateway')}\nFIT_DEVIDP_URL={at('devidp')}\n"
                    f"FIT_BUS_URL=pg:{stackdefs.pg_url(self.ports, *stackdefs.BUS)}\n"
                    f"FIT_BUS_PASSWORD_FILE={self._secret_path('pg_' + stackdefs.BUS[0])}\n")
        with open(f"{self.dir}/run/ports", "w") as f:
            for daemon in self.daemons():
                admin = self.ports.get(daemon.name + "_admin", 0)
                f.write(f"{daemon.name} {self.ports[daemon.name]} {admin}\n")

    # ---- the rest ----

    def down(self, say=print):
        with self._alone():
            self._down(say)

    def _down(self, say):
        running = [d for d in reversed(self.daemons()) if d.pid() is not None]
        for daemon in running:
            say(f"  stopping {daemon.name}")
            daemon.stop()
        if not running:
            say("  nothing was running")

    def logs(self, name=None):
        names = [d.name for d in self.daemons()]
        if name and name not in names:
            raise StackError(f'"{name}" is not one of: {" ".join(names)}')
        files = [path for path in (f"{self.dir}/log/{n}.log" for n in ([name] if name else names)) if os.path.exists(path)]
        if not files:
            raise StackError("there is no log yet; `make up` starts the stack")
        os.execvp("tail", ["tail", "-n", "20", "-F", *files])

    def reset(self, yes, say=print):
        if not os.path.isdir(self.dir):
            say("  there is nothing to delete")
            return
        if not yes:
            if not sys.stdin.isatty():
                raise StackError("reset deletes all data of the local stack; say so with --yes (make reset YES=1)")
            answer = input(f"This stops everything and deletes all data below {self.dir}. Type yes to go on: ")
            if answer.strip() != "yes":
                raise StackError("nothing was deleted")
        with self._alone():
            self._down(say)
            self.postgres.destroy()
            shutil.rmtree(self.dir)
        say(f"  deleted {self.dir}")
