"""ipvsadm's command language: words, or one rule line, into an operation. Knows no kernel and no table."""
