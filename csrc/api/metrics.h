/* SPDX-License-Identifier: MIT */
/*
 * Rows of a reading as samples of metrics, and what tells whether two tables have the same rules. Conventions as in
 * ipvsfast.h; nothing here does I/O.
 */

/* What the value of a label is. */
enum ipvsf_label_value {
	IPVSF_LABEL_PROTOCOL, /* tcp; empty for a mark */
	IPVSF_LABEL_FAMILY,
	IPVSF_LABEL_SERVICE, /* the address; empty for a mark, and so is */
	IPVSF_LABEL_SERVICE_PORT,
	IPVSF_LABEL_FWMARK, /* empty for an address */
	IPVSF_LABEL_DEST,
	IPVSF_LABEL_DEST_PORT,
	/* The same as node_exporter has them. */
	IPVSF_LABEL_NODE_PROTOCOL, /* TCP; FWM for a mark */
	IPVSF_LABEL_NODE_PORT,	   /* 0 for a mark */
	IPVSF_LABEL_NODE_MARK	   /* eight hexadecimal digits */
};

/* Which labels rows have. Lent by the caller. */
struct ipvsf_row_labels {
	const char *const *before; /* what stands in front of each value: {name=" or ",name=" */
	const uint32_t *values;	   /* enum ipvsf_label_value */
	size_t num_values;	   /* at least one */
	const uint32_t *homes;	   /* for each dest the number of its service; NULL: it is about services */
	const uint32_t *rows;	   /* which of them; NULL: all */
	size_t count;		   /* of these */
};

/*
 * Writes the labels of as many rows as fit from number *at on, one behind the other; ends[i]: where in the text of
 * all of them those of row i end. *at becomes the number of the next, *len the bytes written. -EOPNOTSUPP: the table
 * holds values that only Python has words for; -EOVERFLOW: there is too much text.
 */
int ipvsf_row_labels_write(const struct ipvsf_table *table, const struct ipvsf_row_labels *how, size_t *at,
			   char *buf, size_t size, uint32_t *ends, size_t *len);

enum ipvsf_sample_value {
	IPVSF_SAMPLE_U32,
	IPVSF_SAMPLE_I32,
	IPVSF_SAMPLE_U64,
	IPVSF_SAMPLE_WORD /* 1, with words[a number of 32 bits, modulo num_words] as one more label */
};

/* The samples of one family. Lent by the caller. */
struct ipvsf_samples {
	const char *name;
	const char *labels;   /* as ipvsf_row_labels_write() writes them; empty for a sample without any */
	const uint32_t *ends; /* a label text for each sample */
	const uint8_t *values;
	size_t stride;	 /* bytes from a value to the next */
	uint32_t kind;	 /* enum ipvsf_sample_value */
	uint32_t sparse; /* 0 is left out */
	const char *const *words;
	size_t num_words;     /* not 0 */
	const uint32_t *rows; /* numbers of the values, one for each sample; NULL: in their order */
	size_t count;
};

/* How many lines there are. */
size_t ipvsf_samples_count(const struct ipvsf_samples *samples);

/* Writes as many lines as fit from number *at on; *at becomes the number of the next, *len the bytes written. */
int ipvsf_samples_write(const struct ipvsf_samples *samples, size_t *at, char *buf, size_t size, size_t *len);

/*
 * A number that depends on the rules of a table alone: not on their order, nor on counters, connections or the byte
 * order of the machine. shares: 0 leaves out which part of the new connections each dest gets.
 */
int ipvsf_table_fingerprint(const struct ipvsf_table *table, uint32_t shares, uint64_t *ret);
