# SPDX-License-Identifier: Apache-2.0
"""The auth service, with a PostgreSQL, a Redis and a user service; the OpenID provider is the test's own."""
import os
import secrets
import shutil
import sys
import tempfile

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from auth_service import AUDIENCE, PORTS, Auth, Process, make_key, stack, write_secret  # noqa: E402
from idp import Idp  # noqa: E402


@pytest.fixture(scope="session")
def folder():
    path = tempfile.mkdtemp(prefix="fit-auth-")
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def pg(folder):
    server = stack.start_postgres(f"{folder}/pg", stack.free_port(*PORTS))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def redis(folder):
    server = stack.start_redis(f"{folder}/redis", stack.free_port(*PORTS), password="secret", persistent=True)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def users(folder, pg):
    os.makedirs(f"{folder}/user/kek", mode=0o700)
    write_secret(f"{folder}/user/kek/1.key", secrets.token_hex(32))
    write_secret(f"{folder}/user/index_key", secrets.token_hex(32))
    service = Process("user", f"{folder}/user", FIT_PG_URL=pg.url("fit_user", schema="fitness_core"),
                      FIT_PG_OWNER_URL=pg.url("fit_owner", schema="fitness_core"), FIT_MIGRATE_AT_START="true",
                      FIT_KEK_DIR=f"{folder}/user/kek", FIT_BLIND_INDEX_KEY_FILE=f"{folder}/user/index_key").start()
    yield service
    service.stop()


@pytest.fixture(scope="session")
def idp():
    provider = Idp(stack.free_port(*PORTS), AUDIENCE)
    yield provider
    provider.close()


@pytest.fixture(scope="session")
def make_auth(folder, pg, redis, users, idp):
    """Makes auth processes on the same data and secret; further settings override."""
    secret = f"{folder}/auth_secret"
    write_secret(secret, secrets.token_hex(32))
    made = []

    def make(keys=None, start=True, **settings):
        path = tempfile.mkdtemp(prefix="auth-", dir=folder)
        if keys is None:
            keys = f"{folder}/auth_keys"
            if not os.path.exists(keys):
                os.mkdir(keys)
                make_key(f"{keys}/2026-01-01.pem")
        env = {"FIT_PG_URL": pg.url("fit_auth", schema="auth"), "FIT_PG_OWNER_URL": pg.url("fit_owner", schema="auth"),
               "FIT_MIGRATE_AT_START": "true", "FIT_REDIS_SESSION_URL": redis.url(), "FIT_AUTH_KEYS_DIR": keys,
               "FIT_AUTH_SECRET_FILE": secret, "FIT_USER_TARGET": f"127.0.0.1:{users.port}",
               "FIT_AUTH_ISSUERS": f"test={idp.issuer}|{AUDIENCE},fit-other"} | settings
        service = Auth(path, idp, **env)
        made.append(service)
        return service.start() if start else service

    yield make
    for service in made:
        service.stop()
        service.check_log()


@pytest.fixture(scope="session")
def auth(make_auth):
    return make_auth()


@pytest.fixture
def extra(make_auth):
    """A process of this test's own."""
    made = []

    def make(**settings):
        made.append(make_auth(**settings))
        return made[-1]

    yield make
    for service in made:
        service.stop()


@pytest.fixture
def ann(auth):
    return auth.sign_in()


@pytest.fixture
def events(pg):
    """Types of a user's events so far, in order."""
    return lambda user: pg.sql(f"SELECT type FROM auth.outbox WHERE subject = '{user}' ORDER BY sequence").split()


@pytest.fixture
def copy(redis):
    """The session's copy in Redis, split at its bars; None: there is none."""
    def get(person):
        text = redis.cli("HGET", f"session:{{{person.user}}}", person.session)
        return text.split("|") if text else None
    return get
