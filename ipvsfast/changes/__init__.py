"""From wanted rules to operations carried out, each with a true result. Knows no command, prints nothing."""
