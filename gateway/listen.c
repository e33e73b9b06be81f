/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static enum status
parse(const char *address, struct addrinfo **ret_ai, struct err *err)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
					.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE };
	char host[INET6_ADDRSTRLEN + 2];
	const char *colon = strrchr(address, ':');
	size_t n = colon != NULL ? (size_t)(colon - address) : 0;

	if (n == 0 || n >= sizeof(host))
		return err_set(err, STATUS_INVALID_ARGUMENT,
			       "%s is not an address and port (127.0.0.1:8080)", address);
	if (address[0] == '[' && address[n - 1] == ']')
		snprintf(host, sizeof(host), "%.*s", (int)n - 2, address + 1);
	else
		snprintf(host, sizeof(host), "%.*s", (int)n, address);
	int rc = getaddrinfo(host, colon + 1, &hints, ret_ai);
	if (rc != 0)
		return err_set(err, STATUS_INVALID_ARGUMENT, "%s: %s", address, gai_strerror(rc));
	return STATUS_OK;
}

enum status
listen_open(const char *address, int *ret_fd, struct err *err)
{
	struct addrinfo *ai;
	const int on = 1;

	enum status st = parse(address, &ai, err);
	if (st != STATUS_OK)
		return st;
	int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) < 0 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0 ||
	    bind(fd, ai->ai_addr, ai->ai_addrlen) < 0 || listen(fd, LISTEN_BACKLOG) < 0) {
		st = err_set(err, STATUS_UNAVAILABLE, "cannot listen on %s: %s", address,
			     strerror(errno));
		if (fd >= 0)
			close(fd);
	} else {
		*ret_fd = fd;
	}
	freeaddrinfo(ai);
	return st;
}

int
listen_port(int fd)
{
	union {
		struct sockaddr sa;
		struct sockaddr_in in4;
		struct sockaddr_in6 in6;
	} addr;
	socklen_t n = sizeof(addr);

	if (getsockname(fd, &addr.sa, &n) < 0)
		return -1;
	return ntohs(addr.sa.sa_family == AF_INET6 ? addr.in6.sin6_port : addr.in4.sin_port);
}

void
listen_shut(int fd)
{
	/* At a listening socket the data begin with the TCP header; byte 13 has its flags. */
	struct sock_filter drop_syn[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 13),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, TH_SYN | TH_ACK),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TH_SYN, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, 0x40000),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog program = { ARRAY_LEN(drop_syn), drop_syn };

	(void)setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}
