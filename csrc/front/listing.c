/* SPDX-License-Identifier: MIT */
/*
 * Numeric listings. Where the order allows it they are written in parts, and Python goes on with what cannot be
 * written here; else the first byte is written when all of it is certain: until then Python may read the same anew.
 */
#include "front/work.h"
#include "texts.h"

#include <stdio.h>

static size_t put_head(char *to, size_t size, const struct front_request *q, const struct ipvsf_info *info)
{
	int len = 0;

	if (q->view != IPVSF_VIEW_RULES && !q->op.u.service.af)
		len = snprintf(to, size, FRONT_VERSION_LINE, info->version >> 16 & 255,
			       info->version >> 8 & 255, info->version & 255, info->size);
	return (size_t)len + (size_t)snprintf(to + len, size - (size_t)len, "%s", front_headers[q->view]);
}

/* Python goes on with these services: what comes before them is written. */
static _Noreturn void leave_rest(const struct front *f, const struct ipvsf_info *info,
				 const struct ipvsf_table *whole, size_t at)
{
	struct front_handed h = { .what = FRONT_DONE_LISTED, .size = info->size };

	front_hand_on(f, &h, NULL, (const char *)(whole->services + at),
		      (whole->num_services - at) * sizeof(*whole->services));
}

/* In the kernel's order: each part is written when it is read. */
static _Noreturn void list_parts(const struct front *f, const struct front_request *q,
				 struct ipvsf_session *s, const struct ipvsf_info *info)
{
	static char text[FRONT_TEXT];
	struct ipvsf_table whole = { .scope = ipvsf_view_scope(q->view) }, part = { 0 };
	size_t head = put_head(text, sizeof(text), q, info), len, at = 0;

	if (!front_read_services(s, &q->op.u.service, &whole) || whole.unstable)
		front_decline(f);
	do {
		struct ipvsf_cursor cursor = { 0 };

		if (ipvsf_part_read(s, &whole, &part) || part.unstable ||
		    ipvsf_table_format(&part, q->view, q->exact, &cursor, text + head, sizeof(text) - head,
				       &len)) {
			if (!at)
				front_decline(f);
			leave_rest(f, info, &whole, at);
		}
		for (len += head; len;) {
			front_say(f, text, len);
			ipvsf_table_format(&part, q->view, q->exact, &cursor, text, sizeof(text), &len);
		}
		head = 0;
		at = whole.next;
	} while (part.num_services);
	_exit(0);
}

void front_list(const struct front *f, const struct front_request *q)
{
	static char text[FRONT_TEXT];
	struct ipvsf_info info;
	struct ipvsf_session *s = front_open(f, &info);
	struct ipvsf_cursor cursor = { 0 };
	struct ipvsf_table t = { .scope = ipvsf_view_scope(q->view) };
	size_t head = put_head(text, sizeof(text), q, &info), len;

	if (q->nosort)
		list_parts(f, q, s, &info);
	if (!front_read_table(s, &q->op.u.service, &t) ||
	    t.unstable || /* Python reads anew, and tells if it has no more luck */
	    ipvsf_table_sort(&t, IPVSF_ORDER_LISTED) ||
	    ipvsf_table_format(&t, q->view, q->exact, &cursor, text + head, sizeof(text) - head, &len))
		front_decline(f);
	for (len += head; len;) {
		front_say(f, text, len);
		ipvsf_table_format(&t, q->view, q->exact, &cursor, text, sizeof(text), &len);
	}
}

void front_timeouts(const struct front *f)
{
	struct ipvsf_info info;
	struct ipvsf_timeouts t;
	char line[80];

	if (ipvsf_timeouts_get(front_open(f, &info), &t))
		front_decline(f);
	front_say(f, line, (size_t)snprintf(line, sizeof(line), FRONT_TIMEOUTS, t.tcp, t.tcp_fin, t.udp));
}
