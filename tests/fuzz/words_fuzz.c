/* SPDX-License-Identifier: MIT */
/*
 * Command lines for the native front, whose words root may get from anywhere. See README.md here.
 * Input: words, each with its NUL; the first byte chooses the program.
 */
#include "front/words.h"

#define WORDS 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static bool read_words(uint8_t program, char *const *words, struct front_request *q)
{
	switch (program % 8) {
	case 0:
		return front_read_save_words(words, q);
	case 1:
		return front_read_restore_words(words, q);
	default:
		return front_read_words(words, q);
	}
}

/* What is taken must be something that the kernel can be asked for. */
static void check(const struct front_request *q)
{
	uint8_t message[IPVSF_MESSAGE_MAX];

	if (q->kind == REQUEST_CHANGE || q->kind == REQUEST_CLEAR) {
		if (ipvsf_op_encode(&q->op, 1, 1, message, sizeof(message)) < (int)NLMSG_HDRLEN)
			abort();
	} else if (q->kind == REQUEST_LIST || q->kind == REQUEST_CONNS) {
		if (q->view > IPVSF_VIEW_RULES)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *words[WORDS + 1], *text;
	struct front_request q;
	size_t count = 0;

	if (len < 2)
		return 0;
	text = malloc(len);
	memcpy(text, data + 1, len - 1);
	text[len - 1] = 0;
	for (char *at = text; at < text + len && count < WORDS; at += strlen(at) + 1)
		words[count++] = at;
	words[count] = NULL;
	if (read_words(data[0], words, &q))
		check(&q);
	free(text);
	return 0;
}
