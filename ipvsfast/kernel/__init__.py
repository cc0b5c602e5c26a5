"""The way into the kernel, and the only room that sees the compiled module. Knows no command and no rule."""
