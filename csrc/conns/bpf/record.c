/* SPDX-License-Identifier: MIT */
/* A connection as it lies in the kernel's memory to a row; the states' names are not in there. */
#include "conns/bpf/walk.h"

#include <netinet/in.h>
#include <sys/socket.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

typedef const char state_name[16];

static state_name tcp_states[] = {
	"NONE",	 "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT", "TIME_WAIT",
	"CLOSE", "CLOSE_WAIT",	"LAST_ACK", "LISTEN",	"SYNACK",
};

static state_name udp_states[] = { "UDP" };

static state_name sctp_states[] = {
	"NONE",	    "INIT1",	   "INIT",   "C-SENT",	   "C-REPLIED",	 "C-WAIT",   "COOKIE",
	"C-ECHOED", "ESTABLISHED", "S-SENT", "S-RECEIVED", "S-ACK-SENT", "REJECTED", "CLOSED",
};

static state_name template_states[] = { "NONE", "ASSURED" };

static state_name no_protocol_states[] = { "NONE" };

static const char unknown_state[16] = "ERR!";

static const char *name_in(state_name *names, size_t count, uint32_t state)
{
	return state < count ? names[state] : unknown_state;
}

/* 16 bytes. AH, ESP and protocols that IPVS does not know have no names for their states. */
const char *ipvsf_conn_state(uint32_t protocol, uint32_t flags, uint32_t state)
{
	if (flags & IP_VS_CONN_F_TEMPLATE)
		return name_in(template_states, COUNT(template_states), state);
	switch (protocol) {
	case IPPROTO_TCP:
		return name_in(tcp_states, COUNT(tcp_states), state);
	case IPPROTO_UDP:
		return name_in(udp_states, COUNT(udp_states), state);
	case IPPROTO_SCTP:
		return name_in(sctp_states, COUNT(sctp_states), state);
	case IPPROTO_IP:
		return no_protocol_states[0];
	default:
		return unknown_state;
	}
}

static inline void copy_address(uint8_t *to, const uint8_t *from, uint8_t af)
{
	memcpy(to, from, af == AF_INET6 ? 16 : 4);
}

static inline bool is_family(uint32_t af)
{
	return af == AF_INET || af == AF_INET6;
}

int ipvsf_conn_decode(const struct ipvsf_conn_layout *l, const uint8_t *record, uint64_t jiffies, uint32_t hz,
		      struct ipvsf_conn *ret)
{
	uint32_t af = u16_at(record + l->af), daf = u16_at(record + l->daf);
	uint32_t protocol = u16_at(record + l->protocol);
	int64_t left = (int64_t)(u64_at(record + l->expires) - jiffies);

	if (!is_family(af) || !is_family(daf) || protocol > UINT8_MAX)
		return -EBADMSG;
	memset(ret, 0, sizeof(*ret));
	ret->af = (uint8_t)af;
	ret->daf = (uint8_t)daf;
	ret->protocol = (uint8_t)protocol;
	ret->cport = ntohs(u16_at(record + l->cport));
	ret->vport = ntohs(u16_at(record + l->vport));
	ret->dport = ntohs(u16_at(record + l->dport));
	copy_address(ret->caddr, record + l->caddr, ret->af);
	copy_address(ret->vaddr, record + l->vaddr, ret->af);
	copy_address(ret->daddr, record + l->daddr, ret->daf);
	ret->flags = u32_at(record + l->flags);
	ret->template = !!(ret->flags & IP_VS_CONN_F_TEMPLATE);
	memcpy(ret->state, ipvsf_conn_state(protocol, ret->flags, u16_at(record + l->state)),
	       sizeof(ret->state));
	ret->expires = left > 0 ? (uint32_t)((uint64_t)left / hz) : 0;
	ret->timeout = (uint32_t)(u64_at(record + l->timeout) / hz);
	ret->fwmark = u32_at(record + l->fwmark);
	ret->packets = u32_at(record + l->packets);
	ret->known = IPVSF_CONN_DETAILS;
	return 0;
}
