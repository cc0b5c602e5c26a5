/* SPDX-License-Identifier: MIT */
/* Where the running kernel keeps the members that are read, by tables of their names. */
#include "bpf/bpf.h"

#include <stdio.h>

int ipvsf_bpf_member(const struct ipvsf_btf *btf, const char *type, const char *member, uint32_t wanted,
		     uint32_t *offset)
{
	uint32_t size;
	int r = ipvsf_btf_member(btf, type, member, offset, &size);

	return !r && wanted != ANY_SIZE && size != wanted ? -EBADMSG : r;
}

int ipvsf_bpf_members(const struct ipvsf_btf *btf, const struct ipvsf_bpf_member *members, size_t count,
		      void *layout, char *missing, size_t size)
{
	for (size_t i = 0; i < count; i++) {
		const struct ipvsf_bpf_member *m = &members[i];
		int r = ipvsf_bpf_member(btf, m->type, m->member, m->size,
					 (uint32_t *)((char *)layout + m->at));

		if (r) {
			snprintf(missing, size, "%s.%s", m->type, m->member);
			return r;
		}
	}
	return 0;
}
