/* SPDX-License-Identifier: MIT */
/*
 * ipvsadm's order of a table. It subtracts unsigned 32-bit values and looks at the sign, so values
 * more than 2^31 apart compare the wrong way round and three of them may form a circle; then the very
 * algorithm, a stable top-down merge sort, decides. listing/order.py is the definition.
 */
#include "core/internal.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#define ROW_MAX 256

_Static_assert(sizeof(struct ipvsf_service_row) <= ROW_MAX && sizeof(struct ipvsf_dest_row) <= ROW_MAX,
	       "kept");

typedef int (*row_order_fn)(const void *a, const void *b);

static int sign(uint32_t a, uint32_t b)
{
	return a == b ? 0 : (int32_t)(a - b) < 0 ? -1 : 1;
}

static int address_order(const uint8_t *a, const uint8_t *b, bool v4)
{
	for (int word = 0; word < (v4 ? 1 : 4); word++) {
		uint32_t x, y;

		memcpy(&x, a + word * 4, 4);
		memcpy(&y, b + word * 4, 4);
		if (x != y)
			return sign(ntohl(x), ntohl(y));
	}
	return 0;
}

static int service_order(const void *a, const void *b)
{
	const struct ipvsf_service *x = &((const struct ipvsf_service_row *)a)->conf;
	const struct ipvsf_service *y = &((const struct ipvsf_service_row *)b)->conf;
	int r = sign(x->fwmark, y->fwmark);

	if (!r)
		r = sign(x->af, y->af);
	if (!r)
		r = sign(x->protocol, y->protocol);
	if (!r)
		r = address_order(x->addr, y->addr, x->af == AF_INET);
	return r ? r : sign(x->port, y->port);
}

int ipvsf_dest_order(const struct ipvsf_dest_row *a, const struct ipvsf_dest_row *b)
{
	const struct ipvsf_dest *x = &a->conf, *y = &b->conf;
	int r = address_order(x->addr, y->addr, x->af == AF_INET);

	return r ? r : sign(x->port, y->port);
}

static int dest_order(const void *a, const void *b)
{
	return ipvsf_dest_order(a, b);
}

static void merge_sort(const void **rows, const void **spare, size_t n, row_order_fn order)
{
	size_t half = n / 2, i = 0, j = half, k = 0;

	if (n < 2)
		return;
	merge_sort(rows, spare, half, order);
	merge_sort(rows + half, spare, n - half, order);
	while (i < half && j < n)
		spare[k++] = order(rows[i], rows[j]) <= 0 ? rows[i++] : rows[j++];
	while (i < half)
		spare[k++] = rows[i++];
	while (j < n)
		spare[k++] = rows[j++];
	memcpy(rows, spare, n * sizeof(*rows));
}

/* Puts into each place the row that belongs there, circle by circle: a copy of them all would be new memory. */
static void move_rows(uint8_t *rows, const void **wanted, size_t count, size_t row)
{
	uint8_t kept[ROW_MAX];

	for (size_t i = 0; i < count; i++) {
		size_t at = i, from;

		if (!wanted[i] || wanted[i] == rows + i * row)
			continue;
		memcpy(kept, rows + i * row, row);
		for (;;) {
			from = (size_t)((const uint8_t *)wanted[at] - rows) / row;
			wanted[at] = NULL;
			if (from == i)
				break;
			memcpy(rows + at * row, rows + from * row, row);
			at = from;
		}
		memcpy(rows + at * row, kept, row);
	}
}

static int sort_rows(void *rows, size_t count, size_t row, row_order_fn order)
{
	const void **sorted;

	if (count < 2)
		return 0;
	sorted = calloc(2 * count, sizeof(*sorted));
	if (!sorted)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		sorted[i] = (uint8_t *)rows + i * row;
	merge_sort(sorted, sorted + count, count, order);
	move_rows(rows, sorted, count, row);
	free(sorted);
	return 0;
}

int ipvsf_services_listed(const struct ipvsf_table *t, const struct ipvsf_service_row **ret)
{
	const void **rows = (const void **)ret, **spare = calloc(t->num_services + 1, sizeof(*spare));

	if (!spare)
		return -ENOMEM;
	for (size_t i = 0; i < t->num_services; i++)
		rows[i] = &t->services[i];
	merge_sort(rows, spare, t->num_services, service_order);
	free(spare);
	return 0;
}

int ipvsf_dests_listed(const struct ipvsf_dest_row *rows, size_t count, const struct ipvsf_dest_row **ret)
{
	const void **sorted = (const void **)ret, **spare = calloc(count + 1, sizeof(*spare));

	if (!spare)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		sorted[i] = &rows[i];
	merge_sort(sorted, spare, count, dest_order);
	free(spare);
	return 0;
}

static void reverse_dests(struct ipvsf_dest_row *rows, size_t count)
{
	for (size_t i = 0; i + 1 < count - i; i++) {
		struct ipvsf_dest_row swap = rows[i];

		rows[i] = rows[count - 1 - i];
		rows[count - 1 - i] = swap;
	}
}

int ipvsf_dests_sort(struct ipvsf_table *t, uint32_t order)
{
	int r = 0;

	for (size_t i = 0; !r && i < t->num_services; i++) {
		const struct ipvsf_service_row *s = &t->services[i];

		if (order == IPVSF_ORDER_LISTED)
			r = sort_rows(t->dests + s->first_dest, s->num_dests, sizeof(*t->dests), dest_order);
		else if (s->num_dests)
			reverse_dests(t->dests + s->first_dest, s->num_dests);
	}
	return r;
}

int ipvsf_table_sort(struct ipvsf_table *t, uint32_t order)
{
	int r = sort_rows(t->services, t->num_services, sizeof(*t->services), service_order);

	return r ? r : ipvsf_dests_sort(t, order);
}
