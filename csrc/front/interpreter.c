/* SPDX-License-Identifier: MIT */
/*
 * Which interpreter a script names. The kernel would read the line too, but it cuts it at the first blank and
 * after 255 bytes, and leaves no room for our own options: so installations below a path with a blank work.
 */
#include "front.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BLANKS " \t"

/* A path with whatever blanks, or the path of a program and words for it: whichever is there. */
static void read_line(const char *line, size_t len, struct front_interpreter *ret)
{
	char *rest = ret->text, *blank, *word;
	bool gone;

	while (len && strchr(BLANKS, *line))
		line++, len--;
	while (len && strchr(BLANKS, line[len - 1]))
		len--;
	if (!len || len >= sizeof(ret->text))
		return;
	memcpy(ret->text, line, len);
	ret->text[len] = 0;
	blank = strpbrk(ret->text, BLANKS);
	if (!blank || !access(ret->text, X_OK)) {
		ret->words[ret->count++] = ret->text;
		return;
	}
	*blank = 0;
	gone = access(ret->text, X_OK);
	*blank = line[blank - ret->text];
	if (gone) {
		ret->words[ret->count++] = ret->text; /* the whole of it is what to complain of */
		return;
	}
	while ((word = strtok_r(rest, BLANKS, &rest))) {
		if (ret->count == FRONT_WORDS) {
			ret->count = 0;
			return;
		}
		ret->words[ret->count++] = word;
	}
}

/* One word of the shell, quoted or not, without expansions. Its length, or 0. */
static size_t unquote(const char *text, char *to, size_t size)
{
	size_t len = 0;
	char quote = 0;

	for (; *text && (quote || *text != ' '); text++) {
		if (*text == quote) {
			quote = 0;
		} else if (!quote && (*text == '"' || *text == '\'')) {
			quote = *text;
		} else if ((*text == '\\' || *text == '$' || *text == '`') && quote != '\'') {
			return 0;
		} else if (*text == '\n' || len + 1 == size) {
			return 0;
		} else {
			to[len++] = *text;
		}
	}
	to[len] = 0;
	return quote ? 0 : len;
}

/*
 * Installers write these two lines where the interpreter's path has a blank or is too long for the kernel:
 *	#!/bin/sh
 *	'''exec' "/path with a blank/python" "$0" "$@"
 * and in an environment that can be moved the path is relative to the script:
 *	'''exec' "$(dirname -- "$(realpath -- "$0")")"/'python' "$0" "$@"
 */
static void read_trampoline(const char *script, const char *line, struct front_interpreter *ret)
{
	static const char exec[] = "'''exec' ", beside[] = "\"$(dirname -- \"$(realpath -- \"$0\")\")\"/";
	const char *slash = strrchr(script, '/');
	size_t len = 0;

	if (strncmp(line, exec, sizeof(exec) - 1))
		return;
	line += sizeof(exec) - 1;
	if (!strncmp(line, beside, sizeof(beside) - 1)) {
		line += sizeof(beside) - 1;
		len = slash ? (size_t)(slash - script) + 1 : 0;
		if (len >= sizeof(ret->text))
			return;
		memcpy(ret->text, script, len);
	}
	if (unquote(line, ret->text + len, sizeof(ret->text) - len))
		ret->words[ret->count++] = ret->text;
}

void front_read_interpreter(const char *script, const char *lines, struct front_interpreter *ret)
{
	const char *end = strchr(lines, '\n');

	ret->count = 0;
	if (!end || strncmp(lines, "#!", 2))
		return;
	if (!strncmp(lines, "#!/bin/sh\n", 10))
		read_trampoline(script, end + 1, ret);
	else
		read_line(lines + 2, (size_t)(end - lines) - 2, ret);
	if (ret->count && ret->words[0][0] != '/') /* "#!python", which an installer was to replace */
		ret->count = 0;
}
