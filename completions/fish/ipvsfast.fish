# Made by tools/completions.py; do not edit.
# Completion in fish for ipvsfast.

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

complete -c ipvsfast -f
complete -c ipvsfast -n '__ipvsfast_first' -s A -l add-service -d 'add a virtual service'
complete -c ipvsfast -n '__ipvsfast_first' -s E -l edit-service -d 'replace a service\'s settings; what is not given is reset'
complete -c ipvsfast -n '__ipvsfast_first' -s D -l delete-service -d 'delete a service and its servers'
complete -c ipvsfast -n '__ipvsfast_first' -s C -l clear -d 'delete all services'
complete -c ipvsfast -n '__ipvsfast_first' -s R -l restore -d 'carry out rules read from standard input'
complete -c ipvsfast -n '__ipvsfast_first' -s S -l save -d 'print the table as rules that -R reads'
complete -c ipvsfast -n '__ipvsfast_first' -s a -l add-server -d 'add a real server to a service'
complete -c ipvsfast -n '__ipvsfast_first' -s e -l edit-server -d 'replace a server\'s settings; what is not given is reset'
complete -c ipvsfast -n '__ipvsfast_first' -s d -l delete-server -d 'delete a real server from a service'
complete -c ipvsfast -n '__ipvsfast_first' -s L -s l -l list -d 'list the table, or one service'
complete -c ipvsfast -n '__ipvsfast_first' -s Z -l zero -d 'zero the counters of all services, or of one'
complete -c ipvsfast -n '__ipvsfast_first' -l set -d 'set the three connection timeouts (seconds; 0 leaves one as it is)'
complete -c ipvsfast -n '__ipvsfast_first; or __ipvsfast_command --start-daemon' -l start-daemon -x -a 'master backup' -d 'start sending or receiving connection states'
complete -c ipvsfast -n '__ipvsfast_first; or __ipvsfast_command --stop-daemon' -l stop-daemon -x -a 'master backup' -d 'stop the synchronization daemon of that state'
complete -c ipvsfast -n '__ipvsfast_first' -s h -l help -d 'print this text'
complete -c ipvsfast -n '__ipvsfast_first' -s v -l version -d 'print the version'
complete -c ipvsfast -n '__ipvsfast_command -A --add-service -E --edit-service -D --delete-service -a --add-server -e --edit-server -d --delete-server -L -l --list -Z --zero' -s t -l tcp-service -x -d 'TCP service'
complete -c ipvsfast -n '__ipvsfast_command -A --add-service -E --edit-service -D --delete-service -a --add-server -e --edit-server -d --delete-server -L -l --list -Z --zero' -s u -l udp-service -x -d 'UDP service'
complete -c ipvsfast -n '__ipvsfast_command -A --add-service -E --edit-service -D --delete-service -a --add-server -e --edit-server -d --delete-server -L -l --list -Z --zero' -l sctp-service -x -d 'SCTP service'
complete -c ipvsfast -n '__ipvsfast_command -A --add-service -E --edit-service -D --delete-service -a --add-server -e --edit-server -d --delete-server -L -l --list -Z --zero' -s f -l fwmark-service -x -d 'packets with this firewall mark (1 to 4294967295)'
complete -c ipvsfast -n '__ipvsfast_command -A --add-service -E --edit-service -D --delete-service -a --add-server -e --edit-server -d --delete-server -L -l --list -Z --zero' -s 6 -l ipv6 -d 'the firewall mark before it selects IPv6 packets'
complete -c ipvsfast -n '__ipvsfast_command -A --add-service -E --edit-service' -s s -l scheduler -x -a 'rr wrr lc wlc lblc lblcr dh sh sed nq fo ovf mh' -d 'rr, wrr, lc, wlc (default), lblc, lblcr, dh, sh, sed, nq, fo, ovf or mh'
complete -c ipvsfast -n '__ipvsfast_command -A --add-service -E --edit-service' -s b -l sched-flags -x -a '(__ipvsfast_list sh-fallback sh-port mh-fallback mh-port flag-1 flag-2 flag-3)' -d 'sh-fallback, sh-port, mh-fallback, mh-port, flag-1, flag-2, flag-3'
complete -c ipvsfast -n '__ipvsfast_command -A --add-service -E --edit-service' -l pe -x -a 'sip' -d 'persistence engine: sip'
complete -c ipvsfast -n '__ipvsfast_command -A --add-service -E --edit-service' -s p -l persistent -d 'send a client to the same server for so long (default 360)'
complete -c ipvsfast -n '__ipvsfast_command -A --add-service -E --edit-service' -s M -l netmask -x -d 'group the clients of a persistent service: dotted mask, or IPv6 prefix length'
complete -c ipvsfast -n '__ipvsfast_command -A --add-service -E --edit-service' -s o -l ops -d 'one-packet scheduling (UDP and firewall marks)'
complete -c ipvsfast -n '__ipvsfast_command -a --add-server -e --edit-server -d --delete-server' -s r -l real-server -x -d 'the server (default port: the service\'s)'
complete -c ipvsfast -n '__ipvsfast_command -a --add-server -e --edit-server' -s g -l gatewaying -d 'forward by direct routing (default)'
complete -c ipvsfast -n '__ipvsfast_command -a --add-server -e --edit-server' -s i -l ipip -d 'forward through a tunnel'
complete -c ipvsfast -n '__ipvsfast_command -a --add-server -e --edit-server' -s m -l masquerading -d 'forward by network address translation'
complete -c ipvsfast -n '__ipvsfast_command -a --add-server -e --edit-server' -l tun-type -x -a 'ipip gue gre' -d 'ipip (default), gue or gre'
complete -c ipvsfast -n '__ipvsfast_command -a --add-server -e --edit-server' -l tun-port -x -d 'UDP port of a gue tunnel'
complete -c ipvsfast -n '__ipvsfast_command -a --add-server -e --edit-server' -l tun-nocsum -d 'no checksum in the tunnel header (default)'
complete -c ipvsfast -n '__ipvsfast_command -a --add-server -e --edit-server' -l tun-csum -d 'checksum in the tunnel header (gue, gre)'
complete -c ipvsfast -n '__ipvsfast_command -a --add-server -e --edit-server' -l tun-remcsum -d 'remote checksum offload (gue)'
complete -c ipvsfast -n '__ipvsfast_command -a --add-server -e --edit-server' -s w -l weight -x -d 'share of the server (default 1; 0: no new connections)'
complete -c ipvsfast -n '__ipvsfast_command -a --add-server -e --edit-server' -s x -l u-threshold -x -d 'connections from which on it gets no new ones (0: no limit)'
complete -c ipvsfast -n '__ipvsfast_command -a --add-server -e --edit-server' -s y -l l-threshold -x -d 'connections below which it gets new ones again'
complete -c ipvsfast -n '__ipvsfast_command -L -l --list' -s c -l connection -d 'list the connections'
complete -c ipvsfast -n '__ipvsfast_command -L -l --list' -l timeout -d 'show the connection timeouts (tcp tcpfin udp)'
complete -c ipvsfast -n '__ipvsfast_command -L -l --list' -l daemon -d 'show the synchronization daemons'
complete -c ipvsfast -n '__ipvsfast_command -L -l --list' -l stats -d 'show counters'
complete -c ipvsfast -n '__ipvsfast_command -L -l --list' -l rate -d 'show rates per second'
complete -c ipvsfast -n '__ipvsfast_command -L -l --list' -s X -l exact -d 'print counters and rates in full'
complete -c ipvsfast -n '__ipvsfast_command -L -l --list' -l thresholds -d 'show the thresholds of servers'
complete -c ipvsfast -n '__ipvsfast_command -L -l --list' -l persistent-conn -d 'show persistent connections'
complete -c ipvsfast -n '__ipvsfast_command -L -l --list' -l tun-info -d 'show tunnel types'
complete -c ipvsfast -n '__ipvsfast_command -L -l --list' -l nosort -d 'list in the kernel\'s order'
complete -c ipvsfast -n '__ipvsfast_command -L -l --list' -l sort -d 'no effect: listings are sorted'
complete -c ipvsfast -n '__ipvsfast_command -S --save -L -l --list' -s n -l numeric -d 'print addresses and ports as numbers'
complete -c ipvsfast -n '__ipvsfast_command -L -l --list --start-daemon --stop-daemon' -l syncid -x -d 'group of daemons to take part in (0 to 255, default 0)'
complete -c ipvsfast -n '__ipvsfast_command --start-daemon' -l sync-maxlen -x -d 'longest message (default: what the interface carries)'
complete -c ipvsfast -n '__ipvsfast_command --start-daemon' -l mcast-interface -x -a '(__fish_print_interfaces)' -d 'interface to use (default eth0)'
complete -c ipvsfast -n '__ipvsfast_command --start-daemon' -l mcast-group -x -d 'multicast address (default 224.0.0.81)'
complete -c ipvsfast -n '__ipvsfast_command --start-daemon' -l mcast-port -x -d 'UDP port (default 8848)'
complete -c ipvsfast -n '__ipvsfast_command --start-daemon' -l mcast-ttl -x -d 'time to live of the messages (default 1)'
complete -c ipvsfast -n __ipvsfast_connections -l source -x -a 'auto proc bpf' -d 'with -L -c: where to read connections from'
complete -c ipvsfast -n __ipvsfast_first -a restore -d 'check all rules of FILE (or standard input), then add them'
complete -c ipvsfast -n '__ipvsfast_command restore' -l check -d 'only check: no kernel, no privilege; lists every error'
complete -c ipvsfast -n '__ipvsfast_command restore' -l keep-going -d 'go on after a rule that the kernel refuses'
complete -c ipvsfast -n '__ipvsfast_command restore' -l stop-on-error -d 'stop at the first one (default)'
complete -c ipvsfast -n '__ipvsfast_command restore' -l exist -d 'what is there with other values is made to be as in the file'
complete -c ipvsfast -n '__ipvsfast_command restore' -l clear -d 'replace the table; what stays serves on; no refusal stops it'
complete -c ipvsfast -n '__ipvsfast_command restore' -l allow-empty -d 'with --clear: also by a file without any service'
complete -c ipvsfast -n '__ipvsfast_command restore' -l wait -x -d 'with --clear: wait so long if another replaces the table already'
complete -c ipvsfast -n '__ipvsfast_command restore' -s q -l quiet -d 'no progress and no summary'
complete -c ipvsfast -n '__ipvsfast_command restore' -s h -l help -d 'print this text'
complete -c ipvsfast -n '__ipvsfast_command restore' -F
complete -c ipvsfast -n __ipvsfast_first -a save -d 'write everything that restore can bring back to FILE (or standard output)'
complete -c ipvsfast -n '__ipvsfast_command save' -l compat -d 'write what ipvsadm 1.31 -S -n writes'
complete -c ipvsfast -n '__ipvsfast_command save' -s h -l help -d 'print this text'
complete -c ipvsfast -n '__ipvsfast_command save' -F
complete -c ipvsfast -n __ipvsfast_first -a list -d 'list services and their destinations, or some of them'
complete -c ipvsfast -n '__ipvsfast_command list' -l service -x -d 'services at these addresses: address, NET/LENGTH, :PORT, or address:PORT; a ! in front excludes, here and in the next five'
complete -c ipvsfast -n '__ipvsfast_command list' -l destination -x -d 'destinations at these'
complete -c ipvsfast -n '__ipvsfast_command list' -l protocol -x -a '(__ipvsfast_list tcp udp sctp ip icmp icmpv6)' -d 'services of these protocols: tcp, udp, sctp, fwm (marks)'
complete -c ipvsfast -n '__ipvsfast_command list' -l family -x -a '(__ipvsfast_list ipv4 ipv6 mixed)' -d 'services of ipv4 or ipv6'
complete -c ipvsfast -n '__ipvsfast_command list' -l scheduler -x -d 'services with these schedulers'
complete -c ipvsfast -n '__ipvsfast_command list' -l fwmark -x -d 'services of these firewall marks'
complete -c ipvsfast -n '__ipvsfast_command list' -l min-active -x -d 'destinations with at least so many active connections'
complete -c ipvsfast -n '__ipvsfast_command list' -l zero-weight -d 'destinations of weight 0'
complete -c ipvsfast -n '__ipvsfast_command list' -l services-only -d 'services without their destinations'
complete -c ipvsfast -n '__ipvsfast_command list' -l sort -x -d 'sort by a column: service, destination, weight, active, inactive, persistent, upper, lower, or a counter such as connections or in_bytes; the largest first'
complete -c ipvsfast -n '__ipvsfast_command list' -l limit -x -d 'only the first NUMBER destinations (services with --services-only)'
complete -c ipvsfast -n '__ipvsfast_command list' -l stats -d 'with counters, as a table'
complete -c ipvsfast -n '__ipvsfast_command list' -l rate -d 'with rates, as a table'
complete -c ipvsfast -n '__ipvsfast_command list' -l thresholds -d 'with thresholds, as a table'
complete -c ipvsfast -n '__ipvsfast_command list' -l persistent-conn -d 'with persistent connections, as a table'
complete -c ipvsfast -n '__ipvsfast_command list' -l tun-info -d 'with tunnels, as a table'
complete -c ipvsfast -n '__ipvsfast_command list' -l exact -d 'counters in full, with --stats or --rate'
complete -c ipvsfast -n '__ipvsfast_command list' -l json -d 'print one JSON object'
complete -c ipvsfast -n '__ipvsfast_command list' -l ndjson -d 'print one JSON object a line'
complete -c ipvsfast -n '__ipvsfast_command list' -l csv -d 'print comma-separated values, a header first'
complete -c ipvsfast -n '__ipvsfast_command list' -s h -l help -d 'print this text'
complete -c ipvsfast -n __ipvsfast_first -a conns -d 'look into the connection table: list, filter and count its entries'
complete -c ipvsfast -n '__ipvsfast_command conns' -l client -x -d 'of these clients: address, NET/LENGTH, :PORT, or address:PORT; a ! in front excludes, here and in the next five'
complete -c ipvsfast -n '__ipvsfast_command conns' -l service -x -d 'to these virtual addresses'
complete -c ipvsfast -n '__ipvsfast_command conns' -l destination -x -d 'on these real servers'
complete -c ipvsfast -n '__ipvsfast_command conns' -l state -x -a '(__ipvsfast_list NONE ESTABLISHED SYN_SENT SYN_RECV FIN_WAIT TIME_WAIT CLOSE CLOSE_WAIT LAST_ACK LISTEN SYNACK UDP ICMP INIT1 INIT C-SENT C-REPLIED C-WAIT COOKIE C-ECHOED S-SENT S-RECEIVED S-ACK-SENT REJECTED CLOSED ASSURED ERR! BUG!)' -d 'in these states, such as ESTABLISHED or UDP'
complete -c ipvsfast -n '__ipvsfast_command conns' -l protocol -x -a '(__ipvsfast_list tcp udp sctp ip icmp icmpv6)' -d 'tcp, udp, sctp, ip (templates of marks) or a number'
complete -c ipvsfast -n '__ipvsfast_command conns' -l family -x -a '(__ipvsfast_list ipv4 ipv6 mixed)' -d 'ipv4, ipv6 or mixed (service and server differ)'
complete -c ipvsfast -n '__ipvsfast_command conns' -l expires-below -x -d 'that end in less than so many seconds'
complete -c ipvsfast -n '__ipvsfast_command conns' -l templates -d 'only templates of persistent clients'
complete -c ipvsfast -n '__ipvsfast_command conns' -l no-templates -d 'only connections'
complete -c ipvsfast -n '__ipvsfast_command conns' -l pe -x -a '(__ipvsfast_list sip)' -d 'that belong to this persistence engine; * is any'
complete -c ipvsfast -n '__ipvsfast_command conns' -l count -d 'only say how many'
complete -c ipvsfast -n '__ipvsfast_command conns' -l by -x -a '(__ipvsfast_list client client-net client-port service service-address destination destination-address state protocol family pe template)' -d 'count by client, client-net:24, client-port, service, service-address, destination, destination-address, state, protocol, family, pe, template'
complete -c ipvsfast -n '__ipvsfast_command conns' -l top -x -d 'only the NUMBER largest counts (with --by)'
complete -c ipvsfast -n '__ipvsfast_command conns' -l min -x -d 'only counts of at least NUMBER (with --by)'
complete -c ipvsfast -n '__ipvsfast_command conns' -l sample -x -d 'NUMBER entries, each with the same chance'
complete -c ipvsfast -n '__ipvsfast_command conns' -l limit -x -d 'stop reading after NUMBER entries that match'
complete -c ipvsfast -n '__ipvsfast_command conns' -l persistent-conn -d 'with what persistence engines keep'
complete -c ipvsfast -n '__ipvsfast_command conns' -l json -d 'print one JSON array'
complete -c ipvsfast -n '__ipvsfast_command conns' -l ndjson -d 'print one JSON object a line'
complete -c ipvsfast -n '__ipvsfast_command conns' -l csv -d 'print comma-separated values, a header first'
complete -c ipvsfast -n '__ipvsfast_command conns' -l details -d 'with --csv: also forwarding, origin, fwmark, timeout and packets, where BPF read them'
complete -c ipvsfast -n '__ipvsfast_command conns' -l source -x -a 'auto proc bpf' -d 'read from: auto (default), proc (the text) or bpf'
complete -c ipvsfast -n '__ipvsfast_command conns' -l watch -x -d 'repeat every so many seconds, redrawn in place, until q'
complete -c ipvsfast -n '__ipvsfast_command conns' -l interval -x -d 'write the count or the counts every so many seconds, with their change'
complete -c ipvsfast -n '__ipvsfast_command conns' -l repeat -x -d 'with --interval: NUMBER times, then end'
complete -c ipvsfast -n '__ipvsfast_command conns' -s q -l quiet -d 'no progress and no warning'
complete -c ipvsfast -n '__ipvsfast_command conns' -s h -l help -d 'print this text'
complete -c ipvsfast -n __ipvsfast_first -a install -d 'link the programs, manual pages and completions into PREFIX (/usr/local)'
complete -c ipvsfast -n '__ipvsfast_command install' -l ipvsadm -d 'under the names of ipvsadm as well'
complete -c ipvsfast -n '__ipvsfast_command install' -s h -l help -d 'print this text'
complete -c ipvsfast -n '__ipvsfast_command install' -a '(__fish_complete_directories)'
complete -c ipvsfast -n __ipvsfast_first -a uninstall -d 'take back what install has made in PREFIX (/usr/local)'
complete -c ipvsfast -n '__ipvsfast_command uninstall' -s h -l help -d 'print this text'
complete -c ipvsfast -n '__ipvsfast_command uninstall' -a '(__fish_complete_directories)'
complete -c ipvsfast -n __ipvsfast_first -a install-compat -d 'put the names ipvsadm, ipvsadm-save and ipvsadm-restore into DIR'
complete -c ipvsfast -n '__ipvsfast_command install-compat' -s h -l help -d 'print this text'
complete -c ipvsfast -n '__ipvsfast_command install-compat' -a '(__fish_complete_directories)'
complete -c ipvsfast -n __ipvsfast_first -a remove-compat -d 'remove those names from DIR again, if they are ours'
complete -c ipvsfast -n '__ipvsfast_command remove-compat' -s h -l help -d 'print this text'
complete -c ipvsfast -n '__ipvsfast_command remove-compat' -a '(__fish_complete_directories)'
complete -c ipvsfast -n __ipvsfast_first -a help -d 'print the help of the program, or of one verb'
complete -c ipvsfast -n '__ipvsfast_command help' -s h -l help -d 'print this text'
complete -c ipvsfast -n '__ipvsfast_command help' -a 'restore save list conns install uninstall install-compat remove-compat help'
