/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdint.h>

/*
 * What BTF begins with, as every kernel that has it writes it. The build machine's <linux/btf.h> may have more fields,
 * which the BTF of other kernels has not; header_len says where what follows them begins.
 */
struct ipvsf_btf_header {
	uint16_t magic;
	uint8_t version, flags;
	uint32_t header_len;
	uint32_t type_off, type_len, str_off, str_len; /* from the end of the header */
};

_Static_assert(sizeof(struct ipvsf_btf_header) == 24, "the fields that all kernels have");
