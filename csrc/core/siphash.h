/* SPDX-License-Identifier: MIT */
/*
 * SipHash-1-3, the one hash of C: of 64 bits, or of 128. Who does not know the key cannot choose inputs whose
 * hashes collide, as clients of a load balancer could who choose their addresses and ports. Written from the
 * specification, J.-P. Aumasson and D. J. Bernstein, "SipHash: a fast short-input PRF" (2012), with the longer
 * output that its authors added later. One round for each word and three at the end are what its authors give
 * for hash tables: the hash itself is shown to nobody.
 */
#ifndef IPVSFAST_SIPHASH_H
#define IPVSFAST_SIPHASH_H

#include <endian.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/random.h>

#ifndef IPVSF_SIP_WORD_ROUNDS /* a test has those of the published vectors, 2 and 4 */
#define IPVSF_SIP_WORD_ROUNDS 1
#define IPVSF_SIP_END_ROUNDS 3
#endif

struct ipvsf_sip_key {
	uint64_t k[2];
};

struct ipvsf_sip {
	uint64_t v0, v1, v2, v3;
};

/* A key that nobody else knows. 0; -EIO */
static inline int ipvsf_sip_key_init(struct ipvsf_sip_key *ret)
{
	const void *given;

	if (getrandom(ret, sizeof(*ret), GRND_NONBLOCK) == sizeof(*ret))
		return 0;
	/* While the system starts there may be none yet. Every process was given as many bytes by its exec. */
	given = (const void *)getauxval(AT_RANDOM);
	if (!given)
		return -EIO;
	memcpy(ret, given, sizeof(*ret));
	return 0;
}

static inline uint64_t ipvsf_sip_turn(uint64_t v, int bits)
{
	return v << bits | v >> (64 - bits);
}

static inline void ipvsf_sip_rounds(struct ipvsf_sip *s, int count)
{
	for (int i = 0; i < count; i++) {
		s->v0 += s->v1;
		s->v2 += s->v3;
		s->v1 = ipvsf_sip_turn(s->v1, 13) ^ s->v0;
		s->v3 = ipvsf_sip_turn(s->v3, 16) ^ s->v2;
		s->v0 = ipvsf_sip_turn(s->v0, 32);
		s->v2 += s->v1;
		s->v0 += s->v3;
		s->v1 = ipvsf_sip_turn(s->v1, 17) ^ s->v2;
		s->v3 = ipvsf_sip_turn(s->v3, 21) ^ s->v0;
		s->v2 = ipvsf_sip_turn(s->v2, 32);
	}
}

static inline void ipvsf_sip_begin(struct ipvsf_sip *s, const struct ipvsf_sip_key *key)
{
	s->v0 = key->k[0] ^ 0x736f6d6570736575ULL;
	s->v1 = key->k[1] ^ 0x646f72616e646f6dULL;
	s->v2 = key->k[0] ^ 0x6c7967656e657261ULL;
	s->v3 = key->k[1] ^ 0x7465646279746573ULL;
}

static inline void ipvsf_sip_word(struct ipvsf_sip *s, uint64_t word)
{
	s->v3 ^= word;
	ipvsf_sip_rounds(s, IPVSF_SIP_WORD_ROUNDS);
	s->v0 ^= word;
}

/* Whole words, and of what is left the last word, to which ipvsf_sip_end() adds the length. */
static inline uint64_t ipvsf_sip_bytes(struct ipvsf_sip *s, const void *bytes, size_t len)
{
	const uint8_t *at = bytes, *end = at + len / 8 * 8;
	uint64_t last = 0;

	for (; at < end; at += 8) {
		uint64_t word;

		memcpy(&word, at, 8);
		ipvsf_sip_word(s, le64toh(word));
	}
	for (size_t i = 0; i < len % 8; i++)
		last |= (uint64_t)at[i] << 8 * i;
	return last;
}

/* len: of all bytes and words */
static inline uint64_t ipvsf_sip_end(struct ipvsf_sip *s, uint64_t last, size_t len)
{
	ipvsf_sip_word(s, last | (uint64_t)len << 56);
	s->v2 ^= 0xff;
	ipvsf_sip_rounds(s, IPVSF_SIP_END_ROUNDS);
	return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

static inline uint64_t ipvsf_siphash(const struct ipvsf_sip_key *key, const void *bytes, size_t len)
{
	struct ipvsf_sip s;
	uint64_t last;

	ipvsf_sip_begin(&s, key);
	last = ipvsf_sip_bytes(&s, bytes, len);
	return ipvsf_sip_end(&s, last, len);
}

static inline void ipvsf_siphash128(const struct ipvsf_sip_key *key, const void *bytes, size_t len,
				    uint64_t ret[2])
{
	struct ipvsf_sip s;
	uint64_t last;

	ipvsf_sip_begin(&s, key);
	s.v1 ^= 0xee;
	last = ipvsf_sip_bytes(&s, bytes, len);
	ipvsf_sip_word(&s, last | (uint64_t)len << 56);
	s.v2 ^= 0xee;
	ipvsf_sip_rounds(&s, IPVSF_SIP_END_ROUNDS);
	ret[0] = s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
	s.v1 ^= 0xdd;
	ipvsf_sip_rounds(&s, IPVSF_SIP_END_ROUNDS);
	ret[1] = s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

#endif
