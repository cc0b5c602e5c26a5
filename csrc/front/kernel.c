/* SPDX-License-Identifier: MIT */
/* Requests to the kernel until they have an answer. */
#include "front/work.h"

#define SLICE_MS 50

struct ipvsf_session *front_open(const struct front *f, struct ipvsf_info *info)
{
	struct ipvsf_session *s;

	if (ipvsf_session_create(-1, &s) || ipvsf_info_get(s, info))
		front_decline(f);
	return s;
}

bool front_read_services(struct ipvsf_session *s, const struct ipvsf_service *one, struct ipvsf_table *ret)
{
	return !(one->af ? ipvsf_service_get(s, one, ret) : ipvsf_services_dump(s, ret));
}

bool front_read_table(struct ipvsf_session *s, const struct ipvsf_service *one, struct ipvsf_table *ret)
{
	return front_read_services(s, one, ret) && !ipvsf_dests_dump(s, ret, 0) &&
	       !(ret->complete && (ret->unstable || ret->vanished));
}

int front_send(struct ipvsf_session *s, const struct ipvsf_op *ops, size_t count, int32_t *results,
	       size_t *done)
{
	int r = ipvsf_batch_send(s, ops, count, results, SLICE_MS, done);

	if (front_interrupted())
		return -EINTR;
	/* ESTALE: in a new table what was done is gone, and the rest does not belong there. */
	if (r == -ESTALE || (r && r != -EINTR && !*done))
		return r;
	return *done < count ? -EAGAIN : 0;
}

int front_send_all(struct ipvsf_session *s, const struct ipvsf_op *ops, size_t count, int32_t *results)
{
	size_t at = 0, done;
	int r;

	do {
		r = front_send(s, ops + at, count - at, results + at, &done);
		at += done;
	} while (r == -EAGAIN);
	return r;
}
