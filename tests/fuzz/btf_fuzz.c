/* SPDX-License-Identifier: MIT */
/*
 * Damaged type information of a kernel and a module. See README.md here.
 * Input: u32 length of the kernel's part, then that, then the module's.
 */
#include "core/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void search(const struct ipvsf_btf *btf)
{
	static const char *const types[] = { "conn", "ip_vs_conn", "list" };
	static const char *const members[] = { "first", "left", "table", "c_list", "half", "nosuch" };
	struct ipvsf_conn_layout layout;
	char missing[64];
	uint32_t offset, size;

	for (size_t t = 0; t < sizeof(types) / sizeof(types[0]); t++)
		for (size_t m = 0; m < sizeof(members) / sizeof(members[0]); m++)
			ipvsf_btf_member(btf, types[t], members[m], &offset, &size);
	if (!ipvsf_conn_layout_find(btf, &layout, missing, sizeof(missing)) &&
	    (layout.record_len > 1024 || layout.node + 16 > layout.record_len))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct ipvsf_btf *kernel, *module;
	const char *text = (const char *)data + 4;
	uint32_t first;

	if (len < 4)
		return 0;
	memcpy(&first, data, sizeof(first));
	len -= 4;
	if (first > len)
		first = (uint32_t)len;
	if (!ipvsf_btf_create(text, first, NULL, &kernel)) {
		search(kernel);
		if (!ipvsf_btf_create(text + first, len - first, kernel, &module))
			search(module);
		ipvsf_btf_destroy(module);
	}
	ipvsf_btf_destroy(kernel);
	return 0;
}
