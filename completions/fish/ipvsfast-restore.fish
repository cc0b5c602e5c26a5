# Made by tools/completions.py; do not edit.
complete -c ipvsfast-restore -f
complete -c ipvsfast-restore -l allow-empty -d 'also by input without any service'
complete -c ipvsfast-restore -l wait -x -d 'wait so long if another replaces the table already'
complete -c ipvsfast-restore -s h -l help -d 'print this text'
