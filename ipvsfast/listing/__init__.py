"""Text renderings of the table, as ipvsadm 1.31 prints them: values in, text out, no I/O."""
