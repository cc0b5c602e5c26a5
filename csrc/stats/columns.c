/* SPDX-License-Identifier: MIT */
/* Columns that are no part of a row as it is, and sums. The others are views of the rows; see stats/columns.py. */
#include "core/internal.h"

int ipvsf_table_totals(const struct ipvsf_table *t, struct ipvsf_stats *ret)
{
	uint64_t *sum = &ret->conns;

	memset(ret, 0, sizeof(*ret));
	for (size_t i = 0; i < t->num_services; i++) {
		const uint64_t *from = &t->services[i].stats.conns;

		for (size_t c = 0; c < sizeof(*ret) / sizeof(*sum); c++)
			sum[c] += from[c];
	}
	return 0;
}

int ipvsf_table_addresses(const struct ipvsf_table *t, uint8_t *services, uint8_t *dests)
{
	for (size_t i = 0; i < t->num_services; i++)
		memcpy(services + 16 * i, t->services[i].conf.addr, 16);
	for (size_t i = 0; i < t->num_dests; i++)
		memcpy(dests + 16 * i, t->dests[i].conf.addr, 16);
	return 0;
}

int ipvsf_table_services_of(const struct ipvsf_table *t, uint32_t *ret)
{
	for (size_t i = 0; i < t->num_services; i++) {
		for (size_t n = 0; n < t->services[i].num_dests; n++)
			ret[t->services[i].first_dest + n] = (uint32_t)i;
	}
	return 0;
}
