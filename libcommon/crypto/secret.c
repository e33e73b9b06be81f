/* SPDX-License-Identifier: Apache-2.0 */
#include "libcommon/crypto/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "libcommon/base/codec.h"

/* The header shares the pages with the bytes, so that one munmap ends both. */
struct secret {
	size_t mapped;
	size_t n;
	uint8_t bytes[];
};

struct secret *
secret_new(size_t n)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t mapped = (sizeof(struct secret) + n + page - 1) / page * page;
	struct secret *s;

	if (n == 0 || n > SECRET_MAX)
		panic("secret: %zu bytes (1..%d)", n, SECRET_MAX);
	s = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (s == MAP_FAILED || madvise(s, mapped, MADV_DONTDUMP) != 0)
		panic("secret: no memory: %s", strerror(errno));
	(void)mlock(s, mapped); /* swapping a key out is bad, not starting is worse */
	s->mapped = mapped;
	s->n = n;
	return s;
}

void
secret_free(struct secret *secret)
{
	if (secret == NULL)
		return;
	OPENSSL_cleanse(secret->bytes, secret->n);
	munmap(secret, secret->mapped);
}

void
secret_freep(struct secret **secret)
{
	secret_free(*secret);
	*secret = NULL;
}

uint8_t *
secret_bytes(struct secret *secret)
{
	return secret->bytes;
}

struct slice
secret_slice(const struct secret *secret)
{
	return slice_make(secret->bytes, secret->n);
}

struct secret *
secret_copy(struct slice bytes)
{
	struct secret *s = secret_new(bytes.n);

	memcpy(s->bytes, bytes.p, bytes.n);
	return s;
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

enum status
secret_from_hex(struct slice text, size_t n, struct secret **ret_secret, struct err *err)
{
	CLEANUP(secret_freep) struct secret *s = secret_new(n);
	size_t len = 0;

	while (text.n > 0 && is_space(text.p[0])) {
		text.p++;
		text.n--;
	}
	while (text.n > 0 && is_space(text.p[text.n - 1]))
		text.n--;
	if (text.n != 2 * n || !codec_hex_decode(text, s->bytes, &len) || len != n)
		return err_set(err, STATUS_INVALID_ARGUMENT,
			       "a key of %zu characters is not %zu hex digits", text.n, 2 * n);
	*ret_secret = s;
	s = NULL;
	return STATUS_OK;
}

static enum status
read_whole(int fd, const char *path, struct secret *s, struct err *err)
{
	size_t have = 0;

	while (have < s->n) {
		ssize_t n = read(fd, s->bytes + have, s->n - have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_set(err, STATUS_UNAVAILABLE, "cannot read %s: %s", path,
				       n < 0 ? strerror(errno) : "it became shorter");
		have += (size_t)n;
	}
	return STATUS_OK;
}

enum status
secret_from_file(const char *path, struct secret **ret_secret, struct err *err)
{
	CLEANUP(secret_freep) struct secret *s = NULL;
	enum status st;
	struct stat sb;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0)
		return err_set(err, STATUS_FAILED_PRECONDITION, "cannot open %s: %s", path,
			       strerror(errno));
	if (fstat(fd, &sb) != 0 || !S_ISREG(sb.st_mode))
		st = err_set(err, STATUS_FAILED_PRECONDITION, "%s is not a regular file", path);
	else if (sb.st_mode & S_IRWXO)
		st = err_set(err, STATUS_FAILED_PRECONDITION,
			     "%s has mode %04o: a key must not be accessible to others (0600)",
			     path, (unsigned)(sb.st_mode & 07777));
	else if (sb.st_size <= 0 || sb.st_size > SECRET_FILE_MAX)
		st = err_set(err, STATUS_FAILED_PRECONDITION, "%s has %lld bytes (1..%d)", path,
			     (long long)sb.st_size, SECRET_FILE_MAX);
	else {
		s = secret_new((size_t)sb.st_size);
		st = read_whole(fd, path, s, err);
	}
	close(fd);
	if (st != STATUS_OK)
		return st;
	*ret_secret = s;
	s = NULL;
	return STATUS_OK;
}
