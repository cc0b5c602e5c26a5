/* SPDX-License-Identifier: MIT */
/* Which rows are wanted. */
#include "conns/reading.h"

#include <arpa/inet.h>
#include <sys/socket.h>

/* A bit for each of so many names: 24 at most. */
static uint32_t names_mask(unsigned int count)
{
	return (1u << count) - 1;
}

int ipvsf_matcher_init(struct ipvsf_matcher *m, const struct ipvsf_conn_filter *filter,
		       const struct ipvsf_conn_match *matches, size_t count)
{
	static const struct ipvsf_conn_filter nothing;
	struct ipvsf_conn_filter rest = *filter;

	for (size_t i = 0; i < count; i++) {
		if (matches[i].place > IPVSF_AT_DESTINATION || matches[i].low > matches[i].high ||
		    matches[i].prefix > (matches[i].af == AF_INET6 ? 128 : 32))
			return -EINVAL;
	}
	if (filter->num_states > 24 || filter->num_engines > 8 ||
	    filter->not_states > names_mask(filter->num_states) ||
	    filter->not_engines > names_mask(filter->num_engines))
		return -EINVAL;
	memset(m, 0, sizeof(*m));
	m->matches = calloc(count ? count : 1, sizeof(*matches));
	if (!m->matches)
		return -ENOMEM;
	if (count)
		memcpy(m->matches, matches, count * sizeof(*matches));
	m->num_matches = count;
	for (size_t i = 0; i < count; i++)
		m->places |= (uint8_t)(!matches[i].exclude << matches[i].place);
	m->filter = *filter;
	rest.limit = 0;
	rest.any_protocol = 0;
	m->everything = !count && filter->any_protocol && !memcmp(&rest, &nothing, sizeof(rest));
	return 0;
}

void ipvsf_matcher_deinit(struct ipvsf_matcher *m)
{
	free(m->matches);
	m->matches = NULL;
}

static bool in_prefix(const uint8_t *addr, const uint8_t *wanted, unsigned int bits)
{
	unsigned int bytes = bits / 8, rest = bits % 8;

	if (memcmp(addr, wanted, bytes))
		return false;
	return !rest || !((addr[bytes] ^ wanted[bytes]) >> (8 - rest));
}

static bool fits(const struct ipvsf_conn_match *m, uint8_t af, const uint8_t *addr, uint16_t port)
{
	if (port < m->low || port > m->high)
		return false;
	return !m->af || (m->af == af && in_prefix(addr, m->addr, m->prefix));
}

static bool places_fit(const struct ipvsf_matcher *m, const struct ipvsf_conn *row)
{
	uint8_t found = 0;

	for (size_t i = 0; i < m->num_matches; i++) {
		const struct ipvsf_conn_match *match = &m->matches[i];
		bool fit = false;

		switch (match->place) {
		case IPVSF_AT_CLIENT:
			fit = fits(match, row->af, row->caddr, row->cport);
			break;
		case IPVSF_AT_SERVICE:
			fit = fits(match, row->af, row->vaddr, row->vport);
			break;
		case IPVSF_AT_DESTINATION:
			fit = fits(match, row->daf, row->daddr, row->dport);
			break;
		}
		if (fit && match->exclude)
			return false;
		found |= (uint8_t)(fit << match->place);
	}
	return found == m->places;
}

/* No excluded name may be the row's; if there are other names, one of them has to be. */
static bool state_fits(const struct ipvsf_conn_filter *f, const struct ipvsf_conn *row)
{
	bool fit = f->not_states == names_mask(f->num_states);

	for (int i = 0; i < f->num_states; i++) {
		if (memcmp(f->states[i], row->state, sizeof(row->state)))
			continue;
		if (f->not_states & 1u << i)
			return false;
		fit = true;
	}
	return fit;
}

static bool is_engine(const char *name, size_t size, const struct ipvsf_conn *row, const char *text)
{
	if (!row->pe_len)
		return false;
	return name[0] == '*' ||
	       (strnlen(name, size) == row->pe_len && !memcmp(name, text + row->pe_at, row->pe_len));
}

static bool engine_fits(const struct ipvsf_conn_filter *f, const struct ipvsf_conn *row, const char *text)
{
	bool fit = f->not_engines == names_mask(f->num_engines);

	for (int i = 0; i < f->num_engines; i++) {
		if (!is_engine(f->engines[i], sizeof(f->engines[i]), row, text))
			continue;
		if (f->not_engines & 1u << i)
			return false;
		fit = true;
	}
	return fit;
}

uint8_t ipvsf_conn_family(const struct ipvsf_conn *row)
{
	if (row->af != row->daf)
		return IPVSF_FAMILY_MIXED;
	return row->af == AF_INET ? IPVSF_FAMILY_4 : IPVSF_FAMILY_6;
}

bool ipvsf_matcher_wants(const struct ipvsf_matcher *m, const struct ipvsf_conn *row, const char *text)
{
	const struct ipvsf_conn_filter *f = &m->filter;

	if (m->everything)
		return true;
	if (!f->any_protocol && !(f->protocols[row->protocol / 8] & 1 << row->protocol % 8))
		return false;
	if (f->expires_below && row->expires >= f->expires_below)
		return false;
	if (f->templates && row->template != (f->templates == 1))
		return false;
	if (f->families && !(f->families & ipvsf_conn_family(row)))
		return false;
	return state_fits(f, row) && places_fit(m, row) && engine_fits(f, row, text);
}
