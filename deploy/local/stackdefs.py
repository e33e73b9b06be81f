# SPDX-License-Identifier: Apache-2.0
"""What runs on one machine: ports, and each executable's environment, as tables.

A stack lives in one directory (build/local by default) and may be moved to other ports as a whole, so that tests run
one of their own beside a developer's.
"""
import os

# name -> port on 127.0.0.1; each can be changed by an environment variable FIT_PORT_<NAME>.
PORTS = {
    "gateway": 8080,
    "gateway_admin": 8081,
    "auth": 7101,
    "user": 7102,
    "workout": 7103,
    "ai-coaching": 7104,
    "analytics": 7105,
    "notification": 7106,
    "auth_admin": 7201,
    "user_admin": 7202,
    "workout_admin": 7203,
    "ai-coaching_admin": 7204,
    "analytics_admin": 7205,
    "notification_admin": 7206,
    "postgres": 7432,
    "redis": 7379,
    "clickhouse": 7123,
    "devidp": 7900,
}

DATABASE = "fitness"
OWNER = "fit_owner"
BUS = ("fit_bus", "fit_bus")
# service -> (application role, schema); None: it has no tables in PostgreSQL.
SERVICES = {
    "auth": ("fit_auth", "auth"),
    "user": ("fit_user", "fitness_core"),
    "workout": ("fit_workout", "workout"),
    "ai-coaching": ("fit_ai_coaching", "ai_coaching"),
    "analytics": None,
    "notification": ("fit_notification", "notification"),
}
ROLES = [OWNER, BUS[0]] + [database[0] for database in SERVICES.values() if database]

# Order of starting; stopping is the reverse. A service is started when those before it are ready.
PROGRAMS = ["devidp", "user", "workout", "auth", "ai-coaching", "analytics", "notification", "gateway"]

# Made at the first start, mode 0600.
SECRETS_HEX32 = ["auth_secret", "blind_index", "clickhouse"]
# file below keys/ -> what it is
KEYS = {
    "devidp.pem": "rsa2048",
    "auth/1.pem": "p256",
    "kek/1.key": "random32",
}


def variable(name):
    """The environment variable that changes a port."""
    return "FIT_PORT_" + name.upper().replace("-", "_")


def ports_from_environment():
    ports = {}
    for name, default in PORTS.items():
        text = os.environ.get(variable(name), str(default))
        if not text.isdigit() or not 1 <= int(text) <= 65535:
            raise SystemExit(f'error: {variable(name)}: "{text}" is not a port (1..65535)')
        ports[name] = int(text)
    return ports


def environment(name, directory, ports):
    """The FIT_… environment of one executable."""
    at = lambda port: f"127.0.0.1:{ports[port]}"  # noqa: E731
    secret = lambda file: f"{directory}/secrets/{file}"  # noqa: E731
    common = {"ENVIRONMENT": "development", "FIT_LOG_LEVEL": os.environ.get("FIT_STACK_LOG_LEVEL", "info")}
    if name == "devidp":
        return common | {
            "FIT_DEVIDP_LISTEN": at("devidp"),
            "FIT_DEVIDP_KEY_FILE": f"{directory}/keys/devidp.pem",
        }
    if name == "gateway":
        return common | {
            "FIT_LISTEN": at("gateway"),
            "FIT_ADMIN_LISTEN": at("gateway_admin"),
            "FIT_REDIS_SESSION_URL_FILE": secret("redis_url"),
            "FIT_UPSTREAMS": ",".join(f"fit.{s.replace('-', '_')}.v1={at(s)}" for s in SERVICES),
        }
    env = common | {
        "FIT_LISTEN": at(name),
        "FIT_ADMIN_LISTEN": at(name + "_admin"),
        "FIT_BUS_URL": "pg:" + pg_url(ports, *BUS),
        "FIT_BUS_PASSWORD_FILE": secret("pg_" + BUS[0]),
    }
    if SERVICES[name]:
        env |= {
            "FIT_PG_URL": pg_url(ports, *SERVICES[name]),
            "FIT_PG_PASSWORD_FILE": secret("pg_" + SERVICES[name][0]),
        }
    if name == "auth":
        env |= {
            "FIT_AUTH_KEYS_DIR": f"{directory}/keys/auth",
            "FIT_AUTH_ISSUERS": f"devidp=http://{at('devidp')}|fit-dev",
            "FIT_AUTH_SECRET_FILE": secret("auth_secret"),
            "FIT_REDIS_SESSION_URL_FILE": secret("redis_url"),
            "FIT_USER_TARGET": at("user"),
        }
    if name == "user":
        env |= {
            "FIT_KEK_DIR": f"{directory}/keys/kek",
            "FIT_BLIND_INDEX_KEY_FILE": secret("blind_index"),
        }
    if name == "ai-coaching":
        env |= {
            "FIT_REDIS_SESSION_URL_FILE": secret("redis_url"),
            "FIT_USER_TARGET": at("user"),
            "FIT_WORKOUT_TARGET": at("workout"),
        }
    if name == "analytics":
        env |= {
            "FIT_USER_TARGET": at("user"),
            "FIT_CLICKHOUSE_URL": f"http://{at('clickhouse')}",
            "FIT_CLICKHOUSE_PASSWORD_FILE": secret("clickhouse"),
        }
    if name == "notification":
        env |= {
            "FIT_REDIS_SESSION_URL_FILE": secret("redis_url"),
            "FIT_USER_TARGET": at("user"),
            "FIT_NOTIFICATION_SPOOL_DIR": f"{directory}/spool",
        }
    return env


def owner_environment(name, directory, ports):
    """What `NAME --migrate` needs beside its environment; the running service never sees the owner's password."""
    owner = f"{directory}/secrets/pg_{OWNER}"
    env = {"FIT_BUS_OWNER_URL": "pg:" + pg_url(ports, OWNER, BUS[1]), "FIT_BUS_OWNER_PASSWORD_FILE": owner}
    if SERVICES[name]:
        env |= {"FIT_PG_OWNER_URL": pg_url(ports, OWNER, SERVICES[name][1]), "FIT_PG_OWNER_PASSWORD_FILE": owner}
    return env


def pg_url(ports, role, schema):
    return (f"postgresql://{role}@127.0.0.1:{ports['postgres']}/{DATABASE}"
            f"?options=-csearch_path%3D{schema}")
