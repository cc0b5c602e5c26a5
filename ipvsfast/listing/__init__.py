"""Values or packed rows into text, one module per form. No I/O: it knows no kernel and no file."""
