/* SPDX-License-Identifier: MIT */
/* Rows of a dump by their keys: which stand twice, and whether two dumps hold the same. */
#include "core/internal.h"

int ipvsf_service_key_order(const void *a, const void *b)
{
	const struct ipvsf_service *x = &(*(struct ipvsf_service_row *const *)a)->conf;
	const struct ipvsf_service *y = &(*(struct ipvsf_service_row *const *)b)->conf;
	int r = memcmp(x, y, offsetof(struct ipvsf_service, flags));

	return r ? r : memcmp(x->addr, y->addr, sizeof(x->addr));
}

int ipvsf_dest_key_order(const void *a, const void *b)
{
	const struct ipvsf_dest *x = &(*(struct ipvsf_dest_row *const *)a)->conf;
	const struct ipvsf_dest *y = &(*(struct ipvsf_dest_row *const *)b)->conf;

	return memcmp(x, y, offsetof(struct ipvsf_dest, fwd));
}

void **ipvsf_rows_sorted(const void *rows, size_t count, size_t row, ipvsf_order_fn order)
{
	void **sorted = calloc(count ? count : 1, sizeof(*sorted));

	for (size_t i = 0; sorted && i < count; i++)
		sorted[i] = (uint8_t *)(uintptr_t)rows + i * row;
	if (sorted)
		qsort(sorted, count, sizeof(*sorted), order);
	return sorted;
}

int ipvsf_drop_repeated(void *rows, size_t *count, size_t row, ipvsf_order_fn order)
{
	void **sorted = ipvsf_rows_sorted(rows, *count, row, order);
	uint8_t *gone = calloc(*count ? *count : 1, 1);
	uint8_t *base = rows;
	size_t kept = 0;

	if (!sorted || !gone) {
		free(sorted);
		free(gone);
		return -ENOMEM;
	}
	for (size_t i = 1; i < *count; i++) {
		if (!order(&sorted[i - 1], &sorted[i]))
			gone[(size_t)((uint8_t *)sorted[i] - base) / row] = 1;
	}
	for (size_t i = 0; i < *count; i++) {
		if (!gone[i])
			memmove(base + kept++ * row, base + i * row, row);
	}
	*count = kept;
	free(sorted);
	free(gone);
	return 0;
}

static bool in_sequence(const uint8_t *a, size_t count_a, const uint8_t *b, size_t count_b, size_t row,
			ipvsf_order_fn order)
{
	if (count_a != count_b)
		return false;
	for (size_t i = 0; i < count_a; i++) {
		const void *x = a + i * row, *y = b + i * row;

		if (order(&x, &y))
			return false;
	}
	return true;
}

/* The first place from here on of a row that counts. */
static size_t skip(void **sorted, size_t at, size_t count, bool (*ignored)(const void *row))
{
	while (ignored && at < count && ignored(sorted[at]))
		at++;
	return at;
}

static bool merge_same(void **a, size_t count_a, void **b, size_t count_b, ipvsf_order_fn order,
		       bool (*ignored)(const void *row))
{
	size_t i = skip(a, 0, count_a, ignored), j = skip(b, 0, count_b, ignored);

	while (i < count_a && j < count_b) {
		void *key = a[i];

		if (order(&key, &b[j]))
			return false;
		while (i < count_a && !order(&a[i], &key))
			i = skip(a, i + 1, count_a, ignored);
		while (j < count_b && !order(&b[j], &key))
			j = skip(b, j + 1, count_b, ignored);
	}
	return i == count_a && j == count_b;
}

int ipvsf_same_keys(const void *a, size_t count_a, const void *b, size_t count_b, size_t row,
		    ipvsf_order_fn order, bool (*ignored)(const void *row))
{
	void **x, **y;
	int r = -ENOMEM;

	if (in_sequence(a, count_a, b, count_b, row, order))
		return 1;
	x = ipvsf_rows_sorted(a, count_a, row, order);
	y = ipvsf_rows_sorted(b, count_b, row, order);
	if (x && y)
		r = merge_same(x, count_a, y, count_b, order, ignored);
	free(x);
	free(y);
	return r;
}
