/* SPDX-License-Identifier: MIT */
/*
 * BTF, the kernel's description of its types: a header, types one after the other, strings. Only what
 * is needed to find a member of a struct. Whatever the data says is checked before it is used.
 */
#include "bpf/btf_header.h"
#include "core/internal.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <linux/btf.h>

#define DATA_MAX (256u << 20)
#define POINTER_SIZE 8	 /* of the kernel; where it has another one, a list head's size tells */
#define RESOLVE_MAX 32	 /* typedefs, qualifiers and arrays around a type */
#define DEPTH_MAX 16	 /* unnamed structs in one another */
#define VISITS_MAX 65536 /* members looked at in one search; the longest struct has hundreds */

/* By number, and in the bits of the newest kernels, of which older ones leave some empty: the build machine's header
 * can be older than the kernel, or newer. */
enum kind {
	KIND_INT = 1,
	KIND_PTR,
	KIND_ARRAY,
	KIND_STRUCT,
	KIND_UNION,
	KIND_ENUM,
	KIND_FWD,
	KIND_TYPEDEF,
	KIND_VOLATILE,
	KIND_CONST,
	KIND_RESTRICT,
	KIND_FUNC,
	KIND_FUNC_PROTO,
	KIND_VAR,
	KIND_DATASEC,
	KIND_FLOAT,
	KIND_DECL_TAG,
	KIND_TYPE_TAG,
	KIND_ENUM64,
	NUM_KINDS
};

/* Bytes that follow a type of this kind: some once, some for each member. */
static const struct {
	uint8_t fixed, each;
} extra[NUM_KINDS] = {
	[KIND_INT] = { 4, 0 },	   [KIND_ARRAY] = { 12, 0 },   [KIND_STRUCT] = { 0, 12 },
	[KIND_UNION] = { 0, 12 },  [KIND_ENUM] = { 0, 8 },     [KIND_FUNC_PROTO] = { 0, 8 },
	[KIND_VAR] = { 4, 0 },	   [KIND_DATASEC] = { 0, 12 }, [KIND_DECL_TAG] = { 4, 0 },
	[KIND_ENUM64] = { 0, 12 },
};

struct ipvsf_btf {
	uint8_t *data;
	const uint8_t *types;
	size_t types_len;
	const char *strings; /* the last byte is a NUL */
	uint32_t strings_len;
	const struct ipvsf_btf *base;
	uint32_t first_string; /* names and types below these are the base's */
	uint32_t first_id;
	uint32_t *at; /* where each type begins */
	uint32_t count;
};

static unsigned int kind_of(const struct btf_type *t)
{
	return t->info >> 24 & 0x7f;
}

static uint32_t num_members(const struct btf_type *t)
{
	return t->info & 0xffffff;
}

static bool sets_bitfields(const struct btf_type *t)
{
	return t->info >> 31;
}

static const struct btf_type *type_by_id(const struct ipvsf_btf *btf, uint32_t id)
{
	while (btf && id < btf->first_id)
		btf = btf->base;
	if (!btf || id - btf->first_id >= btf->count)
		return NULL;
	return (const struct btf_type *)(btf->types + btf->at[id - btf->first_id]);
}

static const char *string_at(const struct ipvsf_btf *btf, uint32_t offset)
{
	while (btf->base && offset < btf->first_string)
		btf = btf->base;
	offset -= btf->first_string;
	return offset < btf->strings_len ? btf->strings + offset : "";
}

/* Goes over the types once, to learn where each begins. */
static int index_types(struct ipvsf_btf *btf)
{
	size_t at = 0, room = btf->types_len / sizeof(struct btf_type);

	btf->at = malloc((room ? room : 1) * sizeof(*btf->at));
	if (!btf->at)
		return -ENOMEM;
	while (at < btf->types_len) {
		const struct btf_type *t = (const struct btf_type *)(btf->types + at);
		size_t len = sizeof(*t);

		if (btf->types_len - at < len)
			return -EBADMSG;
		if (!kind_of(t) || kind_of(t) >= NUM_KINDS)
			return -EOPNOTSUPP;
		len += extra[kind_of(t)].fixed + (size_t)extra[kind_of(t)].each * num_members(t);
		if (btf->types_len - at < len)
			return -EBADMSG;
		btf->at[btf->count++] = (uint32_t)at;
		at += len;
	}
	return 0;
}

static bool within(uint32_t offset, uint32_t part, size_t len)
{
	return offset <= len && part <= len - offset;
}

static int parse(struct ipvsf_btf *btf, size_t len)
{
	const struct ipvsf_btf_header *h = (const struct ipvsf_btf_header *)btf->data;
	const uint8_t *body;

	if (len < sizeof(*h) || h->magic != BTF_MAGIC || h->version != BTF_VERSION ||
	    h->header_len < sizeof(*h) || h->header_len > len)
		return -EBADMSG;
	body = btf->data + h->header_len;
	len -= h->header_len;
	if (!within(h->type_off, h->type_len, len) || !within(h->str_off, h->str_len, len) ||
	    (h->header_len + h->type_off) % 4 || !h->str_len || body[h->str_off + h->str_len - 1])
		return -EBADMSG;
	btf->types = body + h->type_off;
	btf->types_len = h->type_len;
	btf->strings = (const char *)body + h->str_off;
	btf->strings_len = h->str_len;
	/* Type 0 is void and stands nowhere. */
	btf->first_id = btf->base ? btf->base->first_id + btf->base->count : 1;
	btf->first_string = btf->base ? btf->base->first_string + btf->base->strings_len : 0;
	return index_types(btf);
}

/* Takes data over, which is allocated, even on failure. */
static int adopt(uint8_t *data, size_t len, const struct ipvsf_btf *base, struct ipvsf_btf **ret)
{
	struct ipvsf_btf *btf = calloc(1, sizeof(*btf));
	int r;

	*ret = NULL;
	if (!btf) {
		free(data);
		return -ENOMEM;
	}
	btf->data = data;
	btf->base = base;
	r = parse(btf, len);
	if (r) {
		ipvsf_btf_destroy(btf);
		return r;
	}
	*ret = btf;
	return 0;
}

int ipvsf_btf_create(const char *data, size_t len, const struct ipvsf_btf *base, struct ipvsf_btf **ret)
{
	uint8_t *copy;

	*ret = NULL;
	if (len > DATA_MAX)
		return -EFBIG;
	copy = malloc(len ? len : 1);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, data, len);
	return adopt(copy, len, base, ret);
}

static int read_all(int fd, uint8_t *data, size_t len)
{
	while (len) {
		ssize_t got = read(fd, data, len);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got ? -errno : -EBADMSG;
		data += got;
		len -= (size_t)got;
	}
	return 0;
}

int ipvsf_btf_open(const char *path, const struct ipvsf_btf *base, struct ipvsf_btf **ret)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint8_t *data = NULL;
	struct stat st;
	int r = 0;

	*ret = NULL;
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st))
		r = -errno;
	else if (st.st_size <= 0 || st.st_size > (off_t)DATA_MAX)
		r = -EBADMSG;
	if (!r) {
		data = malloc((size_t)st.st_size);
		r = data ? read_all(fd, data, (size_t)st.st_size) : -ENOMEM;
	}
	close(fd);
	if (r) {
		free(data);
		return r;
	}
	return adopt(data, (size_t)st.st_size, base, ret);
}

void ipvsf_btf_destroy(struct ipvsf_btf *btf)
{
	if (!btf)
		return;
	free(btf->at);
	free(btf->data);
	free(btf);
}

static int size_of(const struct ipvsf_btf *btf, uint32_t id, uint32_t *ret)
{
	uint64_t count = 1;

	for (int i = 0; i < RESOLVE_MAX; i++) {
		const struct btf_type *t = type_by_id(btf, id);
		const struct btf_array *array;

		if (!t)
			return -EBADMSG;
		switch (kind_of(t)) {
		case KIND_TYPEDEF:
		case KIND_VOLATILE:
		case KIND_CONST:
		case KIND_RESTRICT:
		case KIND_TYPE_TAG:
			id = t->type;
			continue;
		case KIND_ARRAY:
			array = (const struct btf_array *)(t + 1);
			count *= array->nelems;
			if (count > UINT32_MAX)
				return -EBADMSG;
			id = array->type;
			continue;
		case KIND_PTR:
			count *= POINTER_SIZE;
			break;
		case KIND_INT:
		case KIND_STRUCT:
		case KIND_UNION:
		case KIND_ENUM:
		case KIND_ENUM64:
		case KIND_FLOAT:
			count *= t->size;
			break;
		default:
			return -EBADMSG;
		}
		*ret = (uint32_t)count;
		return count > UINT32_MAX ? -EBADMSG : 0;
	}
	return -EBADMSG;
}

/* What is searched for, and how much of the search may still be done. */
struct search {
	const struct ipvsf_btf *btf;
	const char *name;
	uint64_t bits; /* from the start of the outermost struct */
	uint32_t type;
	uint32_t visits;
};

static bool is_compound(const struct btf_type *t)
{
	return t && (kind_of(t) == KIND_STRUCT || kind_of(t) == KIND_UNION);
}

static int search_member(struct search *s, const struct btf_type *t, uint64_t start, int depth)
{
	const struct btf_member *members = (const struct btf_member *)(t + 1);

	for (uint32_t i = 0; i < num_members(t); i++) {
		const struct btf_member *m = &members[i];
		uint64_t bits = start + (sets_bitfields(t) ? m->offset & 0xffffff : m->offset);
		const char *name = string_at(s->btf, m->name_off);
		int r;

		if (!s->visits--)
			return -EBADMSG;
		if (*name && !strcmp(name, s->name)) {
			s->bits = bits;
			s->type = m->type;
			return sets_bitfields(t) && m->offset >> 24 ? -EBADMSG : 0;
		}
		if (!*name && depth < DEPTH_MAX && is_compound(type_by_id(s->btf, m->type))) {
			r = search_member(s, type_by_id(s->btf, m->type), bits, depth + 1);
			if (r != -ENODATA)
				return r;
		}
	}
	return -ENODATA;
}

static const struct btf_type *find_struct(const struct ipvsf_btf *btf, const char *name)
{
	for (const struct ipvsf_btf *part = btf; part; part = part->base) {
		for (uint32_t i = 0; i < part->count; i++) {
			const struct btf_type *t = (const struct btf_type *)(part->types + part->at[i]);

			if (kind_of(t) == KIND_STRUCT && !strcmp(string_at(part, t->name_off), name))
				return t;
		}
	}
	return NULL;
}

int ipvsf_btf_member(const struct ipvsf_btf *btf, const char *type, const char *member, uint32_t *offset,
		     uint32_t *size)
{
	struct search s = { .btf = btf, .name = member, .visits = VISITS_MAX };
	const struct btf_type *t = find_struct(btf, type);
	int r;

	if (!t)
		return -ENOENT;
	r = search_member(&s, t, 0, 0);
	if (r)
		return r;
	if (s.bits % 8 || s.bits / 8 > UINT32_MAX)
		return -EBADMSG;
	*offset = (uint32_t)(s.bits / 8);
	return size_of(btf, s.type, size);
}

int ipvsf_btf_size(const struct ipvsf_btf *btf, const char *type, uint32_t *size)
{
	const struct btf_type *t = find_struct(btf, type);

	if (!t)
		return -ENOENT;
	*size = t->size;
	return 0;
}
