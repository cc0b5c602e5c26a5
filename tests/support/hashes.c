/* SPDX-License-Identifier: MIT */
/* The hash of C as a library for tests, and the one by which clients are counted. */
#include "conns/count_by.c"

/* What count_by.c takes rows from: nobody counts here. */
uint8_t ipvsf_conn_family(const struct ipvsf_conn *row)
{
	(void)row;
	abort();
}

void ipvsf_pull_begin(struct ipvsf_pull *pull, struct ipvsf_conns *conns, uint32_t budget_ms)
{
	(void)pull, (void)conns, (void)budget_ms;
	abort();
}

int ipvsf_pull_next(struct ipvsf_pull *pull, const struct ipvsf_conn **ret)
{
	(void)pull, (void)ret;
	abort();
}

uint64_t hash64(const struct ipvsf_sip_key *key, const void *bytes, size_t len)
{
	return ipvsf_siphash(key, bytes, len);
}

void hash128(const struct ipvsf_sip_key *key, const void *bytes, size_t len, uint64_t ret[2])
{
	ipvsf_siphash128(key, bytes, len, ret);
}

int new_key(struct ipvsf_sip_key *ret)
{
	return ipvsf_sip_key_init(ret);
}

/* Of clients, packed as keys, with a key of the hash that is new each time. */
int hash_clients(const char *keys, size_t count, uint32_t *ret)
{
	static const struct ipvsf_key_part client = { .key = IPVSF_KEY_CLIENT,
						      .prefix4 = 32,
						      .prefix6 = 128 };
	struct ipvsf_groups *groups;
	int r = ipvsf_groups_create(&client, 1, &groups);

	if (r)
		return r;
	for (size_t i = 0; i < count; i++)
		ret[i] = hash(groups, keys + i * groups->key_len);
	ipvsf_groups_destroy(groups);
	return 0;
}
