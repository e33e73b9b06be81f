# SPDX-License-Identifier: Apache-2.0
"""What only the driver `pg` has: a log in days, made when they are missing and dropped whole."""
import pytest

TOPIC = "fit.workout.v1"


@pytest.fixture(autouse=True)
def only_pg(bus):
    if not bus.driver.url.startswith("pg:"):
        pytest.skip("another driver")


def days(bus):
    return bus.sql("""SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'fit_bus.log'::regclass ORDER BY
        inhrelid::regclass::text""").split()


def test_missing_day_is_made(bus):
    """Nobody was there for days: the first message makes its day's partition."""
    for table in days(bus):
        bus.sql(f"DROP TABLE {table}")
    bus.start("produce", TOPIC, 10, "x").finish()
    assert sum(map(len, bus.driver.kept(TOPIC).values())) == 10


def test_days_are_dropped_whole(bus):
    """As many days are kept as the setting says, and a day goes by dropping its table, not by deleting rows."""
    bus.sql("UPDATE fit_bus.setting SET retention_days = 2")
    bus.start("produce", TOPIC, 10, "x").finish()
    for day in range(4):
        assert sum(map(len, bus.driver.kept(TOPIC).values())) == (10 if day <= 2 else 0), day
        bus.sql(f"SELECT fit_bus.maintain_at(now() + interval '{day + 1} days')")
        # Yesterday's, today's and three to come, and those that are kept.
        assert len(days(bus)) == min(5 + day + 1, 2 + 1 + 3), day
    assert bus.sql("SELECT n_tup_del FROM pg_stat_user_tables WHERE relname LIKE 'log_%' AND n_tup_del > 0") == ""


def test_old_dead_letters_go(bus):
    bus.start("produce", TOPIC, 1, "poison").finish()
    consumer = bus.run("consume", "g", 1, 50, TOPIC)
    while not bus.driver.dead():
        assert consumer.process.poll() is None
    bus.sql("SELECT fit_bus.maintain_at(now() + interval '29 days')")
    assert len(bus.driver.dead()) == 1
    bus.sql("SELECT fit_bus.maintain_at(now() + interval '31 days')")
    assert bus.driver.dead() == []
