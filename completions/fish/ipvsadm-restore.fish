# Made by tools/completions.py; do not edit.
complete -c ipvsadm-restore -f
