# Made by tools/completions.py; do not edit.
# Completion in fish for ipvsadm.

# Whether the command or verb comes next.
function __ipvsfast_first
    test (count (commandline -opc)) -eq 1
end

# Whether one of the arguments is the command of this line.
function __ipvsfast_command
    set -l words (commandline -opc)
    test (count $words) -gt 1; or return
    set -l command $words[2]
    # It may lead a cluster of short options.
    string match -qr -- '^-[^-].' $command; and set command (string sub -l 2 -- $command)
    contains -- $command $argv
end

# Whether connections are to be listed.
function __ipvsfast_connections
    __ipvsfast_command -L -l --list; and string match -qr -- '^(--connection$|-[^-]*c)' (commandline -opc)
end

# The values of a list, behind those that are there already.
function __ipvsfast_list
    set -l done (commandline -ct | string replace -r -- '^(--[a-z-]+=|-[a-z])' '' | string match -r -- '.*,')
    for value in $argv
        echo -- "$done$value"
    end
end

complete -c ipvsadm -f
complete -c ipvsadm -n '__ipvsfast_first' -s A -l add-service -d 'add a virtual service'
complete -c ipvsadm -n '__ipvsfast_first' -s E -l edit-service -d 'replace a service\'s settings; what is not given is reset'
complete -c ipvsadm -n '__ipvsfast_first' -s D -l delete-service -d 'delete a service and its servers'
complete -c ipvsadm -n '__ipvsfast_first' -s C -l clear -d 'delete all services'
complete -c ipvsadm -n '__ipvsfast_first' -s R -l restore -d 'carry out rules read from standard input'
complete -c ipvsadm -n '__ipvsfast_first' -s S -l save -d 'print the table as rules that -R reads'
complete -c ipvsadm -n '__ipvsfast_first' -s a -l add-server -d 'add a real server to a service'
complete -c ipvsadm -n '__ipvsfast_first' -s e -l edit-server -d 'replace a server\'s settings; what is not given is reset'
complete -c ipvsadm -n '__ipvsfast_first' -s d -l delete-server -d 'delete a real server from a service'
complete -c ipvsadm -n '__ipvsfast_first' -s L -s l -l list -d 'list the table, or one service'
complete -c ipvsadm -n '__ipvsfast_first' -s Z -l zero -d 'zero the counters of all services, or of one'
complete -c ipvsadm -n '__ipvsfast_first' -l set -d 'set the three connection timeouts (seconds; 0 leaves one as it is)'
complete -c ipvsadm -n '__ipvsfast_first; or __ipvsfast_command --start-daemon' -l start-daemon -x -a 'master backup' -d 'start sending or receiving connection states'
complete -c ipvsadm -n '__ipvsfast_first; or __ipvsfast_command --stop-daemon' -l stop-daemon -x -a 'master backup' -d 'stop the synchronization daemon of that state'
complete -c ipvsadm -n '__ipvsfast_first' -s h -l help -d 'print this text'
complete -c ipvsadm -n '__ipvsfast_first' -s v -l version -d 'print the version'
complete -c ipvsadm -n '__ipvsfast_command -A --add-service -E --edit-service -D --delete-service -a --add-server -e --edit-server -d --delete-server -L -l --list -Z --zero' -s t -l tcp-service -x -d 'TCP service'
complete -c ipvsadm -n '__ipvsfast_command -A --add-service -E --edit-service -D --delete-service -a --add-server -e --edit-server -d --delete-server -L -l --list -Z --zero' -s u -l udp-service -x -d 'UDP service'
complete -c ipvsadm -n '__ipvsfast_command -A --add-service -E --edit-service -D --delete-service -a --add-server -e --edit-server -d --delete-server -L -l --list -Z --zero' -l sctp-service -x -d 'SCTP service'
complete -c ipvsadm -n '__ipvsfast_command -A --add-service -E --edit-service -D --delete-service -a --add-server -e --edit-server -d --delete-server -L -l --list -Z --zero' -s f -l fwmark-service -x -d 'packets with this firewall mark (1 to 4294967295)'
complete -c ipvsadm -n '__ipvsfast_command -A --add-service -E --edit-service -D --delete-service -a --add-server -e --edit-server -d --delete-server -L -l --list -Z --zero' -s 6 -l ipv6 -d 'the firewall mark before it selects IPv6 packets'
complete -c ipvsadm -n '__ipvsfast_command -A --add-service -E --edit-service' -s s -l scheduler -x -a 'rr wrr lc wlc lblc lblcr dh sh sed nq fo ovf mh' -d 'rr, wrr, lc, wlc (default), lblc, lblcr, dh, sh, sed, nq, fo, ovf or mh'
complete -c ipvsadm -n '__ipvsfast_command -A --add-service -E --edit-service' -s b -l sched-flags -x -a '(__ipvsfast_list sh-fallback sh-port mh-fallback mh-port flag-1 flag-2 flag-3)' -d 'sh-fallback, sh-port, mh-fallback, mh-port, flag-1, flag-2, flag-3'
complete -c ipvsadm -n '__ipvsfast_command -A --add-service -E --edit-service' -l pe -x -a 'sip' -d 'persistence engine: sip'
complete -c ipvsadm -n '__ipvsfast_command -A --add-service -E --edit-service' -s p -l persistent -d 'send a client to the same server for so long (default 360)'
complete -c ipvsadm -n '__ipvsfast_command -A --add-service -E --edit-service' -s M -l netmask -x -d 'group the clients of a persistent service: dotted mask, or IPv6 prefix length'
complete -c ipvsadm -n '__ipvsfast_command -A --add-service -E --edit-service' -s o -l ops -d 'one-packet scheduling (UDP and firewall marks)'
complete -c ipvsadm -n '__ipvsfast_command -a --add-server -e --edit-server -d --delete-server' -s r -l real-server -x -d 'the server (default port: the service\'s)'
complete -c ipvsadm -n '__ipvsfast_command -a --add-server -e --edit-server' -s g -l gatewaying -d 'forward by direct routing (default)'
complete -c ipvsadm -n '__ipvsfast_command -a --add-server -e --edit-server' -s i -l ipip -d 'forward through a tunnel'
complete -c ipvsadm -n '__ipvsfast_command -a --add-server -e --edit-server' -s m -l masquerading -d 'forward by network address translation'
complete -c ipvsadm -n '__ipvsfast_command -a --add-server -e --edit-server' -l tun-type -x -a 'ipip gue gre' -d 'ipip (default), gue or gre'
complete -c ipvsadm -n '__ipvsfast_command -a --add-server -e --edit-server' -l tun-port -x -d 'UDP port of a gue tunnel'
complete -c ipvsadm -n '__ipvsfast_command -a --add-server -e --edit-server' -l tun-nocsum -d 'no checksum in the tunnel header (default)'
complete -c ipvsadm -n '__ipvsfast_command -a --add-server -e --edit-server' -l tun-csum -d 'checksum in the tunnel header (gue, gre)'
complete -c ipvsadm -n '__ipvsfast_command -a --add-server -e --edit-server' -l tun-remcsum -d 'remote checksum offload (gue)'
complete -c ipvsadm -n '__ipvsfast_command -a --add-server -e --edit-server' -s w -l weight -x -d 'share of the server (default 1; 0: no new connections)'
complete -c ipvsadm -n '__ipvsfast_command -a --add-server -e --edit-server' -s x -l u-threshold -x -d 'connections from which on it gets no new ones (0: no limit)'
complete -c ipvsadm -n '__ipvsfast_command -a --add-server -e --edit-server' -s y -l l-threshold -x -d 'connections below which it gets new ones again'
complete -c ipvsadm -n '__ipvsfast_command -L -l --list' -s c -l connection -d 'list the connections'
complete -c ipvsadm -n '__ipvsfast_command -L -l --list' -l timeout -d 'show the connection timeouts (tcp tcpfin udp)'
complete -c ipvsadm -n '__ipvsfast_command -L -l --list' -l daemon -d 'show the synchronization daemons'
complete -c ipvsadm -n '__ipvsfast_command -L -l --list' -l stats -d 'show counters'
complete -c ipvsadm -n '__ipvsfast_command -L -l --list' -l rate -d 'show rates per second'
complete -c ipvsadm -n '__ipvsfast_command -L -l --list' -s X -l exact -d 'print counters and rates in full'
complete -c ipvsadm -n '__ipvsfast_command -L -l --list' -l thresholds -d 'show the thresholds of servers'
complete -c ipvsadm -n '__ipvsfast_command -L -l --list' -l persistent-conn -d 'show persistent connections'
complete -c ipvsadm -n '__ipvsfast_command -L -l --list' -l tun-info -d 'show tunnel types'
complete -c ipvsadm -n '__ipvsfast_command -L -l --list' -l nosort -d 'list in the kernel\'s order'
complete -c ipvsadm -n '__ipvsfast_command -L -l --list' -l sort -d 'no effect: listings are sorted'
complete -c ipvsadm -n '__ipvsfast_command -S --save -L -l --list' -s n -l numeric -d 'print addresses and ports as numbers'
complete -c ipvsadm -n '__ipvsfast_command -L -l --list --start-daemon --stop-daemon' -l syncid -x -d 'group of daemons to take part in (0 to 255, default 0)'
complete -c ipvsadm -n '__ipvsfast_command --start-daemon' -l sync-maxlen -x -d 'longest message (default: what the interface carries)'
complete -c ipvsadm -n '__ipvsfast_command --start-daemon' -l mcast-interface -x -a '(__fish_print_interfaces)' -d 'interface to use (default eth0)'
complete -c ipvsadm -n '__ipvsfast_command --start-daemon' -l mcast-group -x -d 'multicast address (default 224.0.0.81)'
complete -c ipvsadm -n '__ipvsfast_command --start-daemon' -l mcast-port -x -d 'UDP port (default 8848)'
complete -c ipvsadm -n '__ipvsfast_command --start-daemon' -l mcast-ttl -x -d 'time to live of the messages (default 1)'
