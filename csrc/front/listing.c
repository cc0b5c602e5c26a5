/* SPDX-License-Identifier: MIT */
/*
 * Numeric listings. The first byte is written when all of it is certain: until then Python may read the same
 * anew.
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

void front_list(const struct front *f, const struct front_request *q)
{
	static char text[FRONT_TEXT];
	struct ipvsf_info info;
	struct ipvsf_session *s = front_open(f, &info);
	struct ipvsf_cursor cursor = { 0 };
	struct ipvsf_table t = { .scope = ipvsf_view_scope(q->view) };
	size_t head = put_head(text, sizeof(text), q, &info), len;

	if (!front_read_table(s, &q->op.u.service, &t) ||
	    t.unstable || /* Python reads anew, and tells if it has no more luck */
	    (!q->nosort && ipvsf_table_sort(&t, IPVSF_ORDER_LISTED)) ||
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
