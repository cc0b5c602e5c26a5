/* SPDX-License-Identifier: MIT */
/*
 * The parts of the readers by BPF, each of which stands alone: the kernel's type
 * information (BTF), where a connection's members lie, the programs. Declarations only, as in
 * api/ipvsfast.h, so that tests can reach them.
 */

struct ipvsf_btf;

/*
 * A copy of BTF data. base: what split BTF (a module's) continues, must live longer; NULL: none.
 * -EBADMSG: no BTF, or damaged; -EOPNOTSUPP: of a kind not known. *ret: ipvsf_btf_destroy(), NULL
 * allowed.
 */
int ipvsf_btf_create(const char *data, size_t len, const struct ipvsf_btf *base, struct ipvsf_btf **ret);
int ipvsf_btf_open(const char *path, const struct ipvsf_btf *base, struct ipvsf_btf **ret);
void ipvsf_btf_destroy(struct ipvsf_btf *btf);

/*
 * Where `member` lies in `struct type`, also through unnamed members, and its size in bytes.
 * -ENOENT: no such type; -ENODATA: no such member; -EBADMSG: it is no whole number of bytes.
 */
int ipvsf_btf_member(const struct ipvsf_btf *btf, const char *type, const char *member, uint32_t *offset,
		     uint32_t *size);

/* The size of a struct in bytes, or -ENOENT. */
int ipvsf_btf_size(const struct ipvsf_btf *btf, const char *type, uint32_t *size);

/* Offsets of members, in bytes. */
struct ipvsf_conn_layout {
	/* struct ip_vs_conn */
	uint32_t node, cport, vport, dport, af, daf, caddr, vaddr, daddr;
	uint32_t flags, protocol, state, fwmark, packets, timeout, expires;
	uint32_t ipvs, engine, data, data_len;
	uint32_t record_len; /* bytes from its beginning that hold all of these */
	/* struct ip_vs_pe, task_struct, nsproxy, net */
	uint32_t engine_name, nsproxy, net, net_ipvs;
};

/* As ipvsf_btf_member(); missing: the member that was not found, as type.member, or that is wider. */
int ipvsf_conn_layout_find(const struct ipvsf_btf *btf, struct ipvsf_conn_layout *ret, char *missing,
			   size_t size);

enum ipvsf_bpf_program {
	IPVSF_BPF_WALK,	 /* copies connections, some buckets at a time */
	IPVSF_BPF_LOOKUP /* finds a symbol's address */
};

/* A program's instructions into words[0..size). Returns how many there are. */
int ipvsf_bpf_words(uint32_t program, const struct ipvsf_conn_layout *layout, uint64_t *words, size_t size);
