/* SPDX-License-Identifier: MIT */
/*
 * Blocks of equal size in zlib's format, where each is mostly like the one before: what is equal to the byte that
 * stands a block before becomes a reference to that, all else stands as it is. See RFC 1950 and 1951.
 */
#ifndef IPVSFAST_DEFLATE_H
#define IPVSFAST_DEFLATE_H

#include "core/internal.h"

#define DEFLATE_BLOCK 128
#define DEFLATE_MATCH_MAX 258
#define DEFLATE_ROOM(len) ((len) * 9 / 8 + 64) /* more bytes than it ever becomes */

struct deflate {
	uint8_t *at;
	uint64_t bits; /* not yet written */
	unsigned int num_bits;
	uint32_t a, b;	       /* of the sum */
	const uint8_t *before; /* the last block; NULL: none */
	unsigned int run;      /* bytes that are like those before, not yet written; */
	uint8_t last[2];       /* the last of them */
};

static inline void deflate_put(struct deflate *z, uint32_t value, unsigned int bits)
{
	z->bits |= (uint64_t)value << z->num_bits;
	z->num_bits += bits;
	for (; z->num_bits >= 8; z->num_bits -= 8) {
		*z->at++ = (uint8_t)z->bits;
		z->bits >>= 8;
	}
}

/* A code begins with its highest bit, where numbers begin with their lowest. */
static inline void deflate_put_code(struct deflate *z, uint32_t code, unsigned int bits)
{
	uint32_t turned = 0;

	for (unsigned int i = 0; i < bits; i++)
		turned |= (code >> i & 1) << (bits - 1 - i);
	deflate_put(z, turned, bits);
}

static inline void deflate_put_byte(struct deflate *z, uint8_t byte)
{
	if (byte < 144)
		deflate_put_code(z, 0x30 + (uint32_t)byte, 8);
	else
		deflate_put_code(z, 0x190 + (uint32_t)byte - 144, 9);
}

/* So many bytes, at least 3, as a block before. */
static inline void deflate_put_match(struct deflate *z, unsigned int len)
{
	static const uint16_t from[] = { 3,  4,	 5,  6,	 7,  8,	 9,  10, 11,  13,  15,	17,  19,  23, 27,
					 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258 };
	static const uint8_t extra[] = { 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
					 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0 };
	uint32_t i = sizeof(extra) - 1;

	while (from[i] > len)
		i--;
	if (i < 23) /* codes 257 to 279 */
		deflate_put_code(z, i + 1, 7);
	else
		deflate_put_code(z, 0xc0 + i - 23, 8);
	deflate_put(z, len - from[i], extra[i]);
	deflate_put_code(z, 13, 5); /* distances from 97 on, */
	deflate_put(z, DEFLATE_BLOCK - 97, 5);
}

static inline void deflate_end_run(struct deflate *z)
{
	if (z->run >= 3)
		deflate_put_match(z, z->run);
	else
		for (unsigned int i = 0; i < z->run; i++)
			deflate_put_byte(z, z->last[i + 2 - z->run]);
	z->run = 0;
}

/* to: DEFLATE_ROOM(). */
static inline void deflate_begin(struct deflate *z, uint8_t *to)
{
	*z = (struct deflate){ .at = to, .a = 1 };
	*z->at++ = 0x78; /* deflate, a window of 32 KiB */
	*z->at++ = 0x01;
	deflate_put(z, 1, 1); /* the only block there is, */
	deflate_put(z, 1, 2); /* with the codes that are fixed */
}

/* block: stays where it is until the next one was taken. */
static inline void deflate_block(struct deflate *z, const void *block)
{
	const uint8_t *data = block;

	for (unsigned int i = 0; i < DEFLATE_BLOCK; i++) {
		z->a += data[i];
		z->b += z->a;
		if (!z->before || z->before[i] != data[i]) {
			deflate_end_run(z);
			deflate_put_byte(z, data[i]);
			continue;
		}
		z->last[0] = z->last[1];
		z->last[1] = data[i];
		if (++z->run == DEFLATE_MATCH_MAX)
			deflate_end_run(z);
	}
	z->a %= 65521;
	z->b %= 65521;
	z->before = data;
}

/* Gives where it ends. */
static inline uint8_t *deflate_end(struct deflate *z)
{
	uint32_t sum = z->b << 16 | z->a;

	deflate_end_run(z);
	deflate_put_code(z, 0, 7); /* the end of the block */
	deflate_put(z, 0, 7 & -z->num_bits);
	for (int i = 3; i >= 0; i--)
		*z->at++ = (uint8_t)(sum >> (8 * i));
	return z->at;
}

#endif
