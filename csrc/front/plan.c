/* SPDX-License-Identifier: MIT */
/*
 * The plan of an apply, as ipvsfast/plans/plan.py makes it, and its lines, as ipvsfast/cli/plan_text.py writes them.
 * Only rules of services that differ are packed again: the others ask for nothing.
 */
#include "front/apply.h"
#include "listing/plain.h"

#define REMARK_MAX 256
#define TEXT_MARK_LEN 2 /* "+ " */

static int dest_order(const struct ipvsf_op *a, const struct ipvsf_op *b)
{
	int r = memcmp(&a->u.service, &b->u.service, sizeof(a->u.service));

	return r ? r : memcmp(&a->dest, &b->dest, offsetof(struct ipvsf_dest, fwd));
}

static int by_dest(const void *a, const void *b)
{
	return dest_order(*(const struct ipvsf_op *const *)a, *(const struct ipvsf_op *const *)b);
}

static bool same_key(const struct ipvsf_dest *a, const struct ipvsf_dest *b)
{
	return !memcmp(a, b, offsetof(struct ipvsf_dest, fwd));
}

/* Where a dest stands in its service, counted as they were added; as many as there are: nowhere. */
static size_t find_dest(const struct ipvsf_dest_row *rows, size_t count, size_t likely,
			const struct ipvsf_dest *dest)
{
	if (likely < count && same_key(&rows[count - 1 - likely].conf, dest))
		return likely;
	for (size_t at = 0; at < count; at++) {
		if (same_key(&rows[count - 1 - at].conf, dest))
			return at;
	}
	return count;
}

/* A dest that stands twice in the file would be added twice. That is a mistake, which Python tells. */
static bool stands_once(const struct apply_plan *p)
{
	const struct ipvsf_op **added = calloc(p->made.count + 1, sizeof(*added));
	size_t count = 0;
	bool once = added;

	for (size_t i = 0; once && i < p->made.count; i++) {
		if (p->made.ops[i].cmd == IPVSF_NEW_DEST)
			added[count++] = &p->made.ops[i];
	}
	if (once)
		qsort(added, count, sizeof(*added), by_dest);
	for (size_t i = 1; once && i < count; i++)
		once = dest_order(added[i - 1], added[i]);
	free(added);
	return once;
}

static void count_entries(struct apply_plan *p)
{
	p->deletions_from = p->made.count;
	for (size_t i = p->made.count; i-- > 0;) {
		const struct ipvsf_step *step = &p->made.steps[i];

		p->added += step->what == IPVSF_STEP_ADD ? step->entries : 0;
		p->edited += step->what == IPVSF_STEP_CHANGE ? step->entries : 0;
		if (step->what == IPVSF_STEP_DELETE) {
			p->deleted += step->entries;
			p->deletions_from = i;
		}
	}
}

/*
 * Whether they stand in the order of the rules is counted as put_dest() in rules/replacement.c does.
 */
void front_plan_match(struct wanted *w, struct wanted_service *service, const struct ipvsf_table *present,
		      bool *settled, bool *seen)
{
	const struct ipvsf_service_row *s = &present->services[service->row];
	const struct ipvsf_dest_row *rows = present->dests + s->first_dest;
	size_t next = 0, count = s->num_dests;
	bool broken = false, disordered = false;

	for (size_t i = service->first; i < service->first + service->count; i++) {
		size_t at = find_dest(rows, count, next, &w->dests[i]), row = s->first_dest + count - 1 - at;

		broken |= at == count;
		if (at == count)
			continue;
		w->twice |= seen[row];
		seen[row] = true;
		disordered |= broken || at < next;
		next = at + 1;
		if (ipvsf_same_values(&w->dests[i], &present->dests[row].conf))
			w->settled_dests[i] = settled[row] = true;
	}
	w->disordered += disordered;
}

static size_t count_rules(const struct wanted *w, const struct wanted_service *service)
{
	size_t count = 1 + service->count;

	for (size_t i = service->first; i < service->first + service->count; i++)
		count -= w->settled_dests[i];
	return service->settled ? 0 : count;
}

/* What is left to do is packed. */
static bool pack_rules(struct apply_plan *p, struct wanted *w)
{
	size_t count = 0;

	for (size_t i = 0; i < w->num_services; i++)
		p->num_rules += count_rules(w, &w->services[i]);
	p->rules = malloc((p->num_rules + 1) * sizeof(*p->rules));
	for (size_t i = 0; p->rules && i < w->num_services; i++) {
		if (!w->services[i].settled)
			count += front_wanted_ops(w, &w->services[i], false, p->rules + count);
	}
	return p->rules;
}

bool front_plan_make(struct apply_plan *p, struct wanted *w, const struct ipvsf_table *present,
		     const struct ipvsf_settled *settled)
{
	memset(p, 0, sizeof(*p));
	p->present = present;
	if (!pack_rules(p, w) ||
	    ipvsf_replacement_of_rest(p->rules, p->num_rules, IPVSF_ANY_ORDER | IPVSF_KEEP_SERVICES, settled,
				      present, &p->made))
		return false;
	count_entries(p);
	return !w->twice && stands_once(p);
}

static const struct ipvsf_service_row *service_of(const struct apply_plan *p, const struct ipvsf_step *step)
{
	return &p->present->services[step->row];
}

static const struct ipvsf_dest *dest_of(const struct apply_plan *p, const struct ipvsf_step *step)
{
	return &p->present->dests[step->row].conf;
}

/* What an edit of a dest changes; not of a tunnel, whose values have words of their own. */
static void put_changes(struct text_writer *t, const struct ipvsf_dest *old, const struct ipvsf_dest *new)
{
	static const char *const methods[] = { "masq", "local", "tunnel", "route" };
	const char *before = "  # ";

	if (old->fwd != new->fwd) {
		put_str(t, before);
		put_str(t, "forwarding ");
		put_str(t, methods[old->fwd]);
		put_str(t, " -> ");
		put_str(t, methods[new->fwd]);
		before = ", ";
	}
#define PUT(member, name, ...)                     \
	if (old->member != new->member) {          \
		put_str(t, before);                \
		put_str(t, name " ");              \
		put_num(t, (uint32_t)old->member); \
		put_str(t, " -> ");                \
		put_num(t, (uint32_t)new->member); \
		before = ", ";                     \
	}
	DEST_NUMBERS(PUT)
#undef PUT
}

static void put_dest(struct text_writer *t, const char *mark, const struct ipvsf_service *service,
		     const struct ipvsf_dest *dest)
{
	put_str(t, mark);
	ipvsf_dest_rule_put(t, service, dest);
}

/* False: it is for Python. */
static bool put_edit(struct text_writer *t, const struct ipvsf_op *op, const struct ipvsf_dest *old)
{
	if (op->cmd != IPVSF_SET_DEST || !plain_dest(old) || old->fwd == IP_VS_CONN_F_TUNNEL ||
	    op->dest.fwd == IP_VS_CONN_F_TUNNEL)
		return false;
	put_dest(t, "~ ", &op->u.service, &op->dest);
	put_changes(t, old, &op->dest);
	put_char(t, '\n');
	return true;
}

static bool put_gone_service(struct text_writer *t, const struct apply_plan *p,
			     const struct ipvsf_service_row *row)
{
	if (!plain_service(&row->conf))
		return false;
	put_str(t, "- ");
	ipvsf_service_rule_put(t, &row->conf);
	put_char(t, '\n');
	for (size_t i = row->first_dest + row->num_dests; i-- > row->first_dest;) {
		if (!plain_dest(&p->present->dests[i].conf))
			return false;
		put_dest(t, "- ", &row->conf, &p->present->dests[i].conf);
		put_char(t, '\n');
	}
	return true;
}

static bool put_line(struct text_writer *t, const struct apply_plan *p, size_t i)
{
	const struct ipvsf_op *op = &p->made.ops[i];
	const struct ipvsf_step *step = &p->made.steps[i];

	if (step->what == IPVSF_STEP_CHANGE)
		return op->cmd == IPVSF_SET_DEST && put_edit(t, op, dest_of(p, step));
	if (op->cmd == IPVSF_DEL_SERVICE)
		return put_gone_service(t, p, service_of(p, step));
	if (op->cmd == IPVSF_DEL_DEST && !(plain_service(&op->u.service) && plain_dest(&op->dest)))
		return false;
	put_str(t, op->cmd == IPVSF_DEL_DEST ? "- " : "+ ");
	if (op->cmd == IPVSF_NEW_SERVICE)
		ipvsf_service_rule_put(t, &op->u.service);
	else
		ipvsf_dest_rule_put(t, &op->u.service, &op->dest);
	put_char(t, '\n');
	return true;
}

char *front_plan_text(const struct apply_plan *p, size_t *len)
{
	size_t lines = p->added + p->edited + p->deleted;
	char *text = malloc((lines + 1) * (TEXT_MARK_LEN + IPVSF_LINE_MAX + REMARK_MAX));
	struct text_writer t = { .at = text };

	for (size_t i = 0; text && i < p->made.count; i++) {
		if (!put_line(&t, p, i)) {
			free(text);
			return NULL;
		}
	}
	*len = text ? (size_t)(t.at - text) : 0;
	return text;
}

static void put_op(struct ipvsf_op *ret, size_t *count, uint16_t cmd, const struct ipvsf_service *service,
		   const struct ipvsf_dest *dest)
{
	if (ret) {
		ret[*count] = (struct ipvsf_op){ .cmd = cmd, .u.service = *service };
		if (dest)
			ret[*count].dest = *dest;
	}
	++*count;
}

size_t front_plan_before(const struct apply_plan *p, struct ipvsf_op *ret)
{
	size_t count = 0;

	for (size_t i = 0; i < p->made.count; i++) {
		const struct ipvsf_op *op = &p->made.ops[i];
		const struct ipvsf_service_row *row;

		if (op->cmd == IPVSF_NEW_SERVICE || op->cmd == IPVSF_NEW_DEST)
			continue;
		if (op->cmd == IPVSF_SET_DEST || op->cmd == IPVSF_DEL_DEST) {
			put_op(ret, &count, IPVSF_NEW_DEST, &op->u.service, dest_of(p, &p->made.steps[i]));
			continue;
		}
		row = service_of(p, &p->made.steps[i]);
		put_op(ret, &count, IPVSF_NEW_SERVICE, &row->conf, NULL);
		for (size_t d = 0; op->cmd == IPVSF_DEL_SERVICE && d < row->num_dests; d++)
			put_op(ret, &count, IPVSF_NEW_DEST, &row->conf,
			       &p->present->dests[row->first_dest + d].conf);
	}
	return count;
}
