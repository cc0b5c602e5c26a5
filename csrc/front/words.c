/* SPDX-License-Identifier: MIT */
/*
 * A command line -> one canonical rule line -> the scanner of rule lines. What is known here is only
 * where an option stands in that line, what is meant where it is left out, and which command it goes
 * with (options.py makes that of the table of the command line). No value is understood: a range, an address or a combination is right if the scanner takes the
 * line, and whatever it does not take is left to the grammar in Python.
 */
#include "front/words.h"
#include "options.h"

#define LINE_SIZE 512

/* A place in the canonical line, in its order; then the options of listings. Each is taken once. */
enum place {
	FRONT_RULE_PLACES LINE_PLACES,
	FRONT_LISTING_PLACES PLACES
};

enum argument {
	NONE,
	WANTED,
	OPTIONAL
};

struct option {
	char letter; /* 0: it has none */
	const char *name;
	enum place place;
	enum argument argument;
	const char *commands; /* the letters of those it goes with */
};

static const struct option options[] = { FRONT_OPTIONS };

static const struct option commands[] = { FRONT_COMMANDS };

struct reader {
	char command;	   /* its letter; 0: not yet known */
	char *const *rest; /* the words that follow */
	const struct option *given[PLACES];
	const char *values[PLACES];
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* By letter where there is one, else by the first `len` bytes of name. */
static const struct option *find(const struct option *table, size_t count, char letter, const char *name,
				 size_t len)
{
	for (size_t i = 0; i < count; i++) {
		const struct option *o = &table[i];

		if (letter ? o->letter == letter : strlen(o->name) == len && !memcmp(o->name, name, len))
			return o;
	}
	return NULL;
}

/* Several words in one would be several of the line. */
static bool one_word(const char *value)
{
	const char *c = value;

	while (*c > ' ' && *c <= '~')
		c++;
	return !*c && c > value;
}

/* tail: what follows the option in its word. */
static bool take_value(struct reader *r, const struct option *o, const char *tail)
{
	const char *value = NULL;

	if (*tail)
		value = *tail == '=' ? tail + 1 : tail;
	else if (*r->rest && (o->argument == WANTED || **r->rest != '-'))
		value = *r->rest++;
	r->values[o->place] = value;
	return value ? one_word(value) : o->argument == OPTIONAL;
}

static bool take_option(struct reader *r, const struct option *o, const char *tail)
{
	if (!o || r->given[o->place] || !strchr(o->commands, r->command))
		return false;
	r->given[o->place] = o;
	if (o->place == IPV6 && !r->given[SERVICE_ADDRESS]) /* elsewhere it is an error */
		return false;
	return o->argument == NONE || take_value(r, o, tail);
}

/* A word with two dashes. */
static bool take_long(struct reader *r, const char *name)
{
	const char *tail = strchrnul(name, '=');
	size_t len = (size_t)(tail - name);
	const struct option *o = find(options, COUNT(options), 0, name, len);

	return o && (o->argument || !*tail) && take_option(r, o, tail);
}

/* Letters behind one dash; the first that has a value takes the rest. */
static bool take_letters(struct reader *r, const char *at)
{
	bool ok = true;

	while (ok && *at) {
		const struct option *o = find(options, COUNT(options), *at++, NULL, 0);

		ok = take_option(r, o, at);
		if (ok && o->argument)
			break;
	}
	return ok;
}

/* The first word, which is a command or begins with one. */
static bool take_command(struct reader *r, const char *word)
{
	const struct option *o;

	if (word[0] != '-')
		return false;
	if (word[1] == '-')
		o = find(commands, COUNT(commands), 0, word + 2, strlen(word + 2));
	else
		o = word[1] ? find(commands, COUNT(commands), word[1], NULL, 0) : NULL;
	if (!o)
		return false;
	r->command = o->letter == 'l' ? 'L' : o->letter;
	return word[1] == '-' || take_letters(r, word + 2);
}

static bool take_words(struct reader *r)
{
	bool ok = *r->rest && take_command(r, *r->rest++);

	while (ok && *r->rest) {
		const char *word = *r->rest++;

		if (word[0] != '-' || !word[1])
			return false;
		ok = word[1] == '-' ? take_long(r, word + 2) : take_letters(r, word + 1);
	}
	return ok;
}

struct line {
	size_t len;
	bool full;
	char text[LINE_SIZE];
};

static void put(struct line *l, const char *text)
{
	size_t len = strlen(text);

	if (len > sizeof(l->text) - l->len) {
		l->full = true;
		return;
	}
	memcpy(l->text + l->len, text, len);
	l->len += len;
}

static void put_option(struct line *l, const struct option *o, const char *value)
{
	const char letter[] = { o->letter, 0 };

	put(l, o->letter ? " -" : " --");
	put(l, o->letter ? letter : o->name);
	if (o->argument) {
		put(l, " ");
		put(l, value ? value : FRONT_PERSISTENCE); /* of -p alone */
	}
}

/* A server without a port has its service's. */
static void put_port(struct line *l, const struct reader *r)
{
	const char *server = r->values[REAL_SERVER], *colon = strrchr(r->values[SERVICE_ADDRESS], ':');

	if (strchr(server, ':') && server[strlen(server) - 1] != ']')
		return;
	if (r->given[SERVICE_ADDRESS]->letter == 'f')
		put(l, ":0");
	else if (colon)
		put(l, colon);
}

/* What is meant where nothing is said. */
static const char *left_out(const struct reader *r, enum place place)
{
	static const char *const numbers[LINE_PLACES] = { FRONT_LEFT_OUT };
	bool names_only = !strchr("AEae", r->command);

	switch (place) {
	case SCHEDULER:
		return " -s wlc";
	case PERSISTENT: /* with it any port will do */
		return names_only ? " -p " FRONT_PERSISTENCE : "";
	case FORWARDING_METHOD: /* with masquerading too */
		return names_only ? " -m" : " -g";
	case CHECKSUM:
		return r->given[TUN_TYPE] && strcmp(r->values[TUN_TYPE], "ipip") ? " --tun-nocsum" : "";
	default:
		return numbers[place] ? numbers[place] : "";
	}
}

/* The rule that adds the service, or the server, of which the command line speaks. */
static void put_rule(struct line *l, const struct reader *r, bool server)
{
	put(l, server ? "-a" : "-A");
	for (enum place p = SERVICE_ADDRESS; p < LINE_PLACES; p++) {
		bool of_service = p <= SCHED_FLAGS, key = p <= IPV6;

		if (r->given[p]) {
			put_option(l, r->given[p], r->values[p]);
			if (p == REAL_SERVER)
				put_port(l, r);
		} else if (!key && of_service != server) {
			put(l, left_out(r, p));
		}
	}
	put(l, "\n");
}

static bool scan(const struct line *l, struct ipvsf_op *op)
{
	struct ipvsf_scan scan = { 0 };
	uint32_t offset, number;

	if (l->full)
		return false;
	ipvsf_rules_scan(l->text, l->len, op, &offset, &number, 1, &scan);
	return scan.count == 1;
}

static bool read_rule(const struct reader *r, struct ipvsf_op *op)
{
	bool server = strchr("aed", r->command);
	struct line l = { 0 };

	if (!r->given[SERVICE_ADDRESS] || (server && !r->given[REAL_SERVER]))
		return false;
	put_rule(&l, r, server);
	return scan(&l, op);
}

/* The operation on one service or server: that which adds it, with another command. */
static bool read_change(const struct reader *r, struct front_request *q)
{
	static const struct {
		char letter;
		uint16_t cmd;
	} changes[] = {
		{ 'A', IPVSF_NEW_SERVICE }, { 'E', IPVSF_SET_SERVICE }, { 'D', IPVSF_DEL_SERVICE },
		{ 'a', IPVSF_NEW_DEST },    { 'e', IPVSF_SET_DEST },	{ 'd', IPVSF_DEL_DEST },
		{ 'Z', IPVSF_ZERO },
	};

	q->kind = REQUEST_CHANGE;
	if (!read_rule(r, &q->op))
		return false;
	for (size_t i = 0; i < COUNT(changes); i++) {
		if (changes[i].letter == r->command)
			q->op.cmd = changes[i].cmd;
	}
	return true;
}

static bool names_service(const struct reader *r)
{
	return r->given[SERVICE_ADDRESS] || r->given[IPV6];
}

/* The first of the views that were asked for is shown. */
static uint32_t chosen_view(const struct reader *r)
{
	static const uint32_t views[] = { IPVSF_VIEW_STATS, IPVSF_VIEW_RATE, IPVSF_VIEW_THRESHOLDS,
					  IPVSF_VIEW_PERSISTENT, IPVSF_VIEW_TUNNEL };

	for (size_t i = 0; i < COUNT(views); i++) {
		if (r->given[STATS + i])
			return views[i];
	}
	return IPVSF_VIEW_DEFAULT;
}

static bool read_list(const struct reader *r, struct front_request *q)
{
	q->view = chosen_view(r);
	q->exact = r->given[EXACT];
	q->nosort = r->given[NOSORT];
	q->kind = REQUEST_LIST;
	if (!r->given[TIMEOUT] && !r->given[CONNECTION])
		return r->given[NUMERIC] && (!names_service(r) || read_rule(r, &q->op));
	/* With other options these are errors, or have no effect. */
	if (names_service(r) || q->exact || q->nosort || (r->given[TIMEOUT] && r->given[CONNECTION]))
		return false;
	if (r->given[TIMEOUT]) {
		q->kind = REQUEST_TIMEOUTS;
		return q->view == IPVSF_VIEW_DEFAULT;
	}
	q->kind = REQUEST_CONNS;
	return r->given[NUMERIC] && (q->view == IPVSF_VIEW_DEFAULT || q->view == IPVSF_VIEW_PERSISTENT);
}

/* --set and its three values. */
static bool read_set(char *const *words, struct front_request *q)
{
	struct line l = { 0 };
	int count = 0;

	for (; words[count]; count++) {
		if (count == 4 || !one_word(words[count]))
			return false;
		put(&l, words[count]);
		put(&l, " ");
	}
	put(&l, "\n");
	q->kind = REQUEST_CHANGE;
	return count == 4 && scan(&l, &q->op);
}

bool front_read_words(char *const *words, struct front_request *ret)
{
	struct reader r = { .rest = words };

	memset(ret, 0, sizeof(*ret));
	if (words[0] && !strcmp(words[0], "--set"))
		return read_set(words, ret);
	if (!take_words(&r))
		return false;
	switch (r.command) {
	case 'C':
		ret->kind = REQUEST_CLEAR;
		ret->op.cmd = IPVSF_FLUSH;
		return true;
	case 'R':
		ret->kind = REQUEST_RESTORE;
		return true;
	case 'S':
		ret->kind = REQUEST_LIST;
		ret->view = IPVSF_VIEW_RULES;
		return r.given[NUMERIC];
	case 'L':
		return read_list(&r, ret);
	case 'Z':
		if (names_service(&r))
			return read_change(&r, ret);
		ret->kind = REQUEST_CHANGE;
		ret->op.cmd = IPVSF_ZERO;
		return true;
	default:
		return read_change(&r, ret);
	}
}

bool front_read_verb(const char *name, char *const *words, struct front_request *ret)
{
	const char *slash = strrchr(name, '/');

	memset(ret, 0, sizeof(*ret));
	ret->kind = REQUEST_APPLY;
	if (!*words || strcmp(*words, "apply") || !strcmp(slash ? slash + 1 : name, "ipvsadm"))
		return false;
	while (*++words) {
		if (!strcmp(*words, "-q") || !strcmp(*words, "--quiet"))
			ret->quiet = true;
		else if (ret->path || **words == '-' || !one_word(*words))
			return false;
		else
			ret->path = *words;
	}
	return ret->path;
}

bool front_read_save_words(char *const *words, struct front_request *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->kind = REQUEST_LIST;
	ret->view = IPVSF_VIEW_RULES;
	if (!*words)
		return false;
	while (*words && !strcmp(*words, "-n"))
		words++;
	return !*words;
}

bool front_read_restore_words(char *const *words, struct front_request *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->kind = REQUEST_REPLACE;
	return !*words;
}
