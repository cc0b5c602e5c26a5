/* SPDX-License-Identifier: MIT */
/* What a rule may say, where more than one file has to know it. */
#ifndef IPVSFAST_VALUES_H
#define IPVSFAST_VALUES_H

#include "core/internal.h"

#include <sys/socket.h>

#define TIMEOUT_MAX 2678400 /* 31 days */

/* Whether an address can be that of one host: neither none nor a group nor everybody. */
static inline bool is_unicast(uint16_t af, const uint8_t *addr)
{
	static const uint8_t none[16], all[4] = { 255, 255, 255, 255 };

	if (af == AF_INET)
		return memcmp(addr, none, 4) && (addr[0] & 0xf0) != 0xe0 && memcmp(addr, all, 4);
	return memcmp(addr, none, 16) && addr[0] != 0xff;
}

#endif
