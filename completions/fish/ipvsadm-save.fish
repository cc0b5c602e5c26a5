# Made by tools/completions.py; do not edit.
complete -c ipvsadm-save -f
complete -c ipvsadm-save -s n -d 'print addresses and ports as numbers'
