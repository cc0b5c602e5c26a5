/* SPDX-License-Identifier: MIT */
/* Writing text into a buffer that is known to be large enough. */
#ifndef IPVSFAST_TEXT_H
#define IPVSFAST_TEXT_H

#include "core/internal.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

struct text_writer {
	char *at;
};

static inline void put_mem(struct text_writer *t, const char *s, size_t len)
{
	memcpy(t->at, s, len);
	t->at += len;
}

static inline void put_str(struct text_writer *t, const char *s)
{
	put_mem(t, s, strlen(s));
}

static inline void put_char(struct text_writer *t, char c)
{
	*t->at++ = c;
}

static inline void pad_to(struct text_writer *t, const char *start, size_t width)
{
	size_t len = (size_t)(t->at - start);

	if (len < width) {
		memset(t->at, ' ', width - len);
		t->at += width - len;
	}
}

/* Most numbers here are octets, ports and seconds: no loop, no copy. */
static inline void put_short(struct text_writer *t, uint32_t v)
{
	if (v >= 10000)
		*t->at++ = (char)('0' + v / 10000);
	if (v >= 1000)
		*t->at++ = (char)('0' + v / 1000 % 10);
	if (v >= 100)
		*t->at++ = (char)('0' + v / 100 % 10);
	if (v >= 10)
		*t->at++ = (char)('0' + v / 10 % 10);
	*t->at++ = (char)('0' + v % 10);
}

static inline void put_num(struct text_writer *t, uint64_t v)
{
	char digits[20];
	size_t n = sizeof(digits);

	if (v < 100000)
		return put_short(t, (uint32_t)v);
	do
		digits[--n] = (char)('0' + v % 10);
	while (v /= 10);
	put_mem(t, digits + n, sizeof(digits) - n);
}

/* printf's %-Nu, followed by a blank where the format has one. */
static inline void put_left(struct text_writer *t, uint64_t v, size_t width)
{
	const char *start = t->at;

	put_num(t, v);
	pad_to(t, start, width);
}

static inline void put_right(struct text_writer *t, uint64_t v, size_t width)
{
	char digits[20];
	size_t n = sizeof(digits), len;

	do
		digits[--n] = (char)('0' + v % 10);
	while (v /= 10);
	len = sizeof(digits) - n;
	for (; len < width; width--)
		put_char(t, ' ');
	put_mem(t, digits + n, sizeof(digits) - n);
}

static inline void put_dotted(struct text_writer *t, const uint8_t *addr)
{
	for (int i = 0; i < 4; i++) {
		if (i)
			put_char(t, '.');
		put_short(t, addr[i]);
	}
}

static inline void put_endpoint(struct text_writer *t, uint16_t af, const uint8_t *addr, uint16_t port)
{
	if (af == AF_INET) {
		put_dotted(t, addr);
	} else {
		put_char(t, '[');
		inet_ntop(AF_INET6, addr, t->at, INET6_ADDRSTRLEN);
		t->at += strlen(t->at);
		put_char(t, ']');
	}
	put_char(t, ':');
	put_num(t, port);
}

#endif
