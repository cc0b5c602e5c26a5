/* SPDX-License-Identifier: MIT */
/* The front's reader of command lines as a library for tests: words in, the message for the kernel out. */
#include "front/words.h"

struct answer {
	int32_t kind;
	uint32_t view;
	uint32_t exact;
	uint32_t nosort;
	int32_t len; /* of the message: the change, or what names the one service of a listing */
	uint8_t message[IPVSF_MESSAGE_MAX];
};

/* 0 where the words are left to Python. */
int front_reader(const char *program, char *const *words, struct answer *ret)
{
	struct front_request q;
	bool taken;

	if (!strcmp(program, "save"))
		taken = front_read_save_words(words, &q);
	else if (!strcmp(program, "restore"))
		taken = front_read_restore_words(words, &q);
	else
		taken = front_read_words(words, &q);
	if (!taken)
		return 0;
	*ret = (struct answer){
		.kind = (int32_t)q.kind, .view = q.view, .exact = q.exact, .nosort = q.nosort
	};
	if (q.kind == REQUEST_LIST && q.op.u.service.af)
		q.op.cmd = IPVSF_DEL_SERVICE;
	if (q.op.cmd)
		ret->len = ipvsf_op_encode(&q.op, 1, 1, ret->message, sizeof(ret->message));
	return 1;
}
