# Made by tools/completions.py; do not edit.
complete -c ipvsfast-save -f
complete -c ipvsfast-save -s n -d 'print addresses and ports as numbers'
complete -c ipvsfast-save -s h -l help -d 'print this text'
