# SPDX-License-Identifier: Apache-2.0
"""tools/build/embed-migrations: the C text is the file's text, and a wrong name is refused."""
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
TOOL = ROOT / "tools" / "build" / "embed-migrations"
ODD = 'SELECT \'"\\\\\', \'??/\', \'\t\', \'h\u00e9\u20ac\'; -- %d \\n\n\n$$ body $$;'


def embed(folder, out):
    return subprocess.run([str(TOOL), "demo", str(folder), str(out)], text=True, check=False, capture_output=True)


def test_text_is_kept(tmp_path):
    folder = tmp_path / "sql"
    folder.mkdir()
    (folder / "0001_odd_text.sql").write_text(ODD, encoding="utf-8")
    (folder / "0002_empty.sql").write_text("", encoding="utf-8")
    (folder / "README").write_text("not a migration", encoding="utf-8")
    assert embed(folder, tmp_path / "demo.c").returncode == 0
    (tmp_path / "main.c").write_text("""
#include <stdio.h>
#include "libcommon/store/pg_migrate.h"
extern const struct pg_migration demo_migration_list[];
extern const size_t demo_migration_count;
int main(void)
{
	for (size_t i = 0; demo_migration_list[i].name != NULL; i++)
		printf("%s<%s>", demo_migration_list[i].name, demo_migration_list[i].sql);
	printf("%zu", demo_migration_count);
	return 0;
}
""")
    subprocess.run(["gcc", "-std=gnu17", "-Wall", "-Wextra", "-Werror", f"-I{ROOT}", "-o", str(tmp_path / "demo"),
                    str(tmp_path / "main.c"), str(tmp_path / "demo.c")], check=True)
    out = subprocess.run([str(tmp_path / "demo")], check=True, capture_output=True).stdout.decode()
    assert out == f"0001_odd_text.sql<{ODD}>0002_empty.sql<>2"


@pytest.mark.parametrize("names", [["0002_gap.sql"], ["0001_a.sql", "0003_b.sql"], ["1_short.sql"], ["0001_Upper.sql"],
                                   ["0001_a.sql", "0001_b.sql"]])
def test_wrong_names(tmp_path, names):
    for name in names:
        (tmp_path / name).write_text("SELECT 1")
    result = embed(tmp_path, tmp_path / "demo.c")
    assert result.returncode != 0 and names[-1] in result.stderr
    assert not (tmp_path / "demo.c").exists()
