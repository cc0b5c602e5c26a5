"""Every refusal of the command line, with its sentence and status, and which mistake comes first."""

import shlex

import pytest

from ipvsfast.errors import InvalidValue
from ipvsfast.language.parse import parse
from ipvsfast.language.words import UsageError
from support.commandline import HINT, names, outcome, read, table

SVC = "illegal virtual server address[:port] specified"
REAL = "illegal real server address[:port] specified"
MASK = "illegal virtual server persistent mask specified"
MASK6 = "illegal ipv6 netmask specified"

REFUSED = rf"""
-A -t 80 => 2 {SVC}
-A -t 1.2.3.4: => 2 {SVC}
-A -t 1.2.3.4:65536 => 2 {SVC}
-A -t [::1]: => 2 {SVC}
-A -t [::1]80 => 2 {SVC}
-A -t [fe80::1%lo]:80 => 2 {SVC}
-A -t nosuch.invalid:80 => 2 {SVC}
-A -t 1.2.3.4:HTTP => 2 {SVC}
-A -u 1.2.3.4:http => 2 {SVC}
-A --sctp-service 1.2.3.4:http => 2 {SVC}
-A --tcp-service= => 2 {SVC}
-A -t= 1.2.3.4:80 => 2 {SVC}
-A -t==1.2.3.4:80 => 2 {SVC}
-A -t '1.2.3.5 junk:80' => 2 {SVC}
-A -tcp-service => 2 {SVC}
-a -t 1.2.3.4:80 -r -m => 2 {REAL}
-a -t 1.2.3.4:80 -r 192.168.0.1:bogus => 2 {REAL}
-a -u 1.2.3.4:80 -r 192.168.0.1:http => 2 {REAL}
-a -r 192.168.0.1:http -u 1.2.3.4:80 => 2 {REAL}
-a -f 1 -r 192.168.0.1:bogus => 2 {REAL}
-A -t 10.0.0.1:1 -p 5 -M 24 => 2 {MASK}
-A -t 10.0.0.1:1 -p 5 -M /24 => 2 {MASK}
-A -t 10.0.0.1:1 -p 5 -M '' => 2 {MASK}
-A -t 10.0.0.1:1 -p 5 -M web => 2 {MASK}
-A -M 64 -t 10.0.0.1:1 -p 5 => 2 {MASK}
-A -f 1 -M 64 -p 5 => 2 {MASK}
-A -t [2001:db8::1]:3 -p 5 -M 0 => 2 {MASK6}
-A -t [2001:db8::1]:3 -p 5 -M 129 => 2 {MASK6}
-A -t [2001:db8::1]:3 -p 5 -M 64abc => 2 {MASK6}
-A -M 255.255.255.0 -t [2001:db8::1]:3 => 2 {MASK6}
-A -f 1 -M 255.255.255.0 -6 => 2 {MASK6}
-A -f 0 => 2 invalid fwmark value `0' specified
-A -f -1 => 2 invalid fwmark value `-1' specified
-A -f 0x10 => 2 invalid fwmark value `0x10' specified
-A -f 4294967296 => 2 invalid fwmark value `4294967296' specified
-A -f '' => 2 invalid fwmark value `' specified
-A -t 10.0.0.1:8 -p 0 => 2 invalid timeout value `0' specified
-A -t 10.0.0.1:8 -p 2678401 => 2 invalid timeout value `2678401' specified
-A -t 10.0.0.1:8 -p 1h => 2 invalid timeout value `1h' specified
-A -t 10.0.0.1:8 -ps => 2 invalid timeout value `s' specified
-A -t 10.0.0.1:8 -p=-1 => 2 invalid timeout value `-1' specified
-A -t 10.0.0.1:8 -p= => 2 invalid timeout value `' specified
-A -t 10.0.0.1:8 -p '' => 2 invalid timeout value `' specified
-A -t 10.0.0.1:8 -p==5 => 2 invalid timeout value `=5' specified
-A -t 10.0.0.1:8 -p -1 => 255 -1: unknown option
-A -t 10.0.0.1:8 -p - => 2 unexpected argument -
-a -w 2147483648 => 2 illegal weight specified
-a -w -1 => 2 illegal weight specified
-a -w 2.5 => 2 illegal weight specified
-a -w= => 2 illegal weight specified
-a -w==7 => 2 illegal weight specified
-a -w '7 ' => 2 illegal weight specified
-a -x 2147483648 => 2 illegal u_threshold specified
-a -y -1 => 2 illegal l_threshold specified
-L --syncid 256 => 2 illegal syncid specified
--start-daemon master --syncid -1 => 2 illegal syncid specified
--start-daemon master --sync-maxlen 0 => 2 illegal sync-maxlen specified
--start-daemon master --sync-maxlen 65508 => 2 illegal sync-maxlen specified
--start-daemon master --mcast-port 0 => 2 illegal mcast-port specified
--start-daemon master --mcast-port domain => 2 illegal mcast-port specified
--start-daemon master --mcast-ttl 0 => 2 illegal mcast-ttl specified
--start-daemon master --mcast-ttl 256 => 2 illegal mcast-ttl specified
--start-daemon master --mcast-group 10.0.0.1 => 2 invalid IPv4 mcast-group `10.0.0.1'
--start-daemon master --mcast-group 240.0.0.1 => 2 invalid IPv4 mcast-group `240.0.0.1'
--start-daemon master --mcast-group 224.1 => 2 invalid IPv4 mcast-group `224.1'
--start-daemon master --mcast-group '' => 2 invalid IPv4 mcast-group `'
--start-daemon master --mcast-group web => 2 invalid IPv4 mcast-group `web'
--start-daemon master --mcast-group [ff02::1] => 2 invalid IPv6 mcast-group `[ff02::1]'
--start-daemon master --mcast-group 2001:db8::1 => 2 invalid IPv6 mcast-group `2001:db8::1'
--start-daemon master --mcast-interface abcdefghijklmnop => 2 illegal mcast-interface `abcdefghijklmnop' specified: more than 15 bytes
--start-daemon foo => 2 illegal start-daemon parameter specified
--start-daemon= => 2 illegal start-daemon parameter specified
--start-daemon foo --bogus => 2 illegal start-daemon parameter specified
--stop-daemon Master => 2 illegal start_daemon specified
-a --tun-type vxlan => 2 illegal tunnel type specified
-a --tun-port 65536 => 2 illegal tunnel port specified
-a --tun-port 0 => 2 illegal tunnel port specified
-A -t 10.0.0.1:6 -b sh-port => 2 incompatible scheduler flag `sh-port'
-E -t 10.0.0.1:6 -b mh-fallback => 2 incompatible scheduler flag `mh-fallback'
-A -t 10.0.0.1:6 -s sh -b mh-port,junk => 2 incompatible scheduler flag `mh-port'
-A -t 10.0.0.1:6 -s sh -b nosuch => 2 invalid scheduler flag `nosuch'
-A -t 10.0.0.1:6 -s sh -b flag-4 => 2 invalid scheduler flag `flag-4'
-A -t 10.0.0.1:6 -s sh -b sh-x => 2 invalid scheduler flag `sh-x'
-A -t 10.0.0.1:6 -s sh -b , => 2 invalid scheduler flag `,'
-L -b nosuch => 2 invalid scheduler flag `nosuch'
--set 1 2 3 -b x => 2 invalid scheduler flag `x'
-A -t 10.0.0.1 => 2 Zero port specified for non-persistent service
-E -t 10.0.0.1:0 -o => 2 Zero port specified for non-persistent service
-A -t 10.0.0.1:53 -s rr -o => 2 One-Packet Scheduling is only for UDP virtual services
-A --sctp-service 10.0.0.1:53 -o => 2 One-Packet Scheduling is only for UDP virtual services
-a -t 10.0.0.1:80 -r [2001:db8::2]:80 -m => 2 Different address family is allowed only for tunneling servers
-a -f 1 -6 -r 10.0.0.1 => 2 Different address family is allowed only for tunneling servers
-e -t 10.0.0.1:80 -r [::2]:2 -m --tun-port 60 => 2 Different address family is allowed only for tunneling servers
-a -t 10.0.0.1:80 -r 192.168.0.1 --tun-type gue --tun-port 6080 => 2 Tunnel options conflict with forward method
-a -t 10.0.0.1:80 -r 192.168.0.1 -m --tun-port 6080 => 2 Tunnel options conflict with forward method
-e -t 10.0.0.1:80 -r 192.168.0.1 --tun-nocsum => 2 Tunnel options conflict with forward method
-L -c --stats => 2 options conflicts in the list command
-L -c --rate => 2 options conflicts in the list command
-L -c --thresholds => 2 options conflicts in the list command
-L --timeout --stats => 2 options conflicts in the list command
-L --daemon --rate => 2 options conflicts in the list command
-L --daemon --persistent-conn => 2 options conflicts in the list command
-L --timeout --persistent-conn => 2 options conflicts in the list command
-L --timeout --daemon => 2 The option 'daemon' conflicts with the 'timeout' option in the 'list' command
-L -t 10.0.0.1:80 -c => 2 The option 'service-address' conflicts with the 'connection' option in the 'list' command
-L -c --timeout --stats => 2 The option 'timeout' conflicts with the 'connection' option in the 'list' command
-A -t 10.0.0.1:80 -f x => 2 multiple 'service-address' options specified
-a -t 10.0.0.1:80 -r 10.0.0.2 -m -g => 2 multiple 'forwarding-method' options specified
-a -gg => 2 multiple 'forwarding-method' options specified
-L -n -n => 2 multiple 'numeric' options specified
-a -r 10.0.0.2 -r bad => 2 multiple 'real-server' options specified
-A -M 1.2.3.4 -M bad => 2 multiple 'netmask' options specified
-A -p -p x => 2 multiple 'persistent' options specified
-A -s x -s x => 2 multiple 'scheduler' options specified
-A -f 1 --tun-csum --tun-csum => 2 multiple 'tun-csum' options specified
-z => 255 {HINT}
-n => 255 {HINT}
-n -L => 255 {HINT}
-nL => 255 {HINT}
-t 10.0.0.1:80 -A => 255 {HINT}
-tcp-service 10.0.0.1:80 => 255 {HINT}
foo => 255 {HINT}
'' => 255 {HINT}
- => 255 {HINT}
-- => 255 {HINT}
-- -L => 255 {HINT}
--list=1 => 255 {HINT}
-L= => 255 {HINT}
-L=n => 255 {HINT}
-h=1 => 255 {HINT}
--start-daemon => 255 {HINT}
--flush => 255 {HINT}
--usage => 255 {HINT}
-? => 255 {HINT}
'#' comment => 255 {HINT}
-L -z => 255 -z: unknown option
-Lnz => 255 -Lnz: unknown option
-L --stat => 255 --stat: unknown option
-L --stat=3 => 255 --stat=3: unknown option
-L --- => 255 ---: unknown option
-L --=x => 255 --=x: unknown option
-L -= => 255 -=: unknown option
-L -n- => 255 -n-: unknown option
-L -é => 255 -é: unknown option
--set -1 2 3 => 255 -1: unknown option
-L --numeric=1 => 255 --numeric=1: option does not take an argument
-L --numeric= => 255 --numeric=: option does not take an argument
-L -n=1 => 255 -n=1: option does not take an argument
-Ln=1 => 255 -Ln=1: option does not take an argument
-L --set=3 => 255 --set=3: option does not take an argument
-A -t => 255 -t: missing argument
-At => 255 -At: missing argument
-A --tcp-service => 255 --tcp-service: missing argument
-L --start-daemon => 255 --start-daemon: missing argument
-L -l => 2 invalid option `-l'
-LA => 2 invalid option `-LA'
-L -h => 2 invalid option `-h'
-L -v => 2 invalid option `-v'
-L --zero => 2 invalid option `--zero'
-L --start-daemon= => 2 invalid option `--start-daemon='
--start-daemon master --stop-daemon master => 2 invalid option `master'
-L foo => 2 unexpected argument foo
foo -L => 2 unexpected argument foo
-L -- -n => 2 unexpected argument -n
-L -- -- => 2 unexpected argument --
-L '' => 2 unexpected argument
-A -f 1 '#' x => 2 unexpected argument #
-R foo => 2 unexpected argument foo
-A foo -w 5 => 2 unexpected argument foo
-A foo -b x => 2 unexpected argument foo
--start-daemon master backup => 2 unexpected argument backup
--set => 2 --set option requires 3 timeout values
--set 1 x => 2 --set option requires 3 timeout values
--set 1 2 -n => 2 --set option requires 3 timeout values
--set 1 2 3 4 5 => 2 unexpected argument 4
--set 1 x 3 4 => 2 invalid timeout value `x' specified
--set 2678401 1 1 => 2 invalid timeout value `2678401' specified
--set 1 2 3 -n => 2 Illegal 'numeric' option with the 'set' command
-a -s rr -n => 2 Illegal 'numeric' option with the 'add-server' command
-a -w 5 => 2 You need to supply the 'service-address' option for the 'add-server' command
-list => 2 Illegal 'scheduler' option with the 'list' command
-L -c -s rr --timeout => 2 Illegal 'scheduler' option with the 'list' command
-A -t 10.0.0.1:0 -w 5 => 2 Illegal 'weight' option with the 'add-service' command
"""

# The first mistake from left to right is the one that is told, -r and -M included, although what they
# mean may depend on options that follow.
LEFT_TO_RIGHT = rf"""
-A -w x -t bad => 2 illegal weight specified
-A -t bad -w x => 2 {SVC}
-a -r bad -w x => 2 {REAL}
-a -w x -r bad => 2 illegal weight specified
-a -r bad -t bad => 2 {REAL}
-a -r bad -z => 2 {REAL}
-a -z -r bad => 255 -z: unknown option
-a -r bad --bogus -t 10.0.0.1:80 => 2 {REAL}
-a -r bad => 2 {REAL}
-a -r 1.2.3.4:http -w x => 2 illegal weight specified
-A -M bad -t bad => 2 {MASK}
-A -M bad -w x => 2 {MASK}
-A -M 64 -w x -t [::1]:80 => 2 illegal weight specified
-A -f 1 -M 64 -w x -6 => 2 illegal weight specified
-A -f 1 -M bad -w x -6 => 2 {MASK}
-A -f 1 -6 -M 1.2.3.4 -w x => 2 {MASK6}
-A -M 24 -t 1.2.3.4:80 -w x => 2 {MASK}
-a -M bad -r bad => 2 {MASK}
-a -r bad -M bad => 2 {REAL}
-L -M bad => 2 {MASK}
-L -M 64 => 2 Illegal 'netmask' option with the 'list' command
-A foo -w x => 2 illegal weight specified
-A -w x foo => 2 illegal weight specified
-L -n foo -n => 2 multiple 'numeric' options specified
-A -b nosuch => 2 invalid scheduler flag `nosuch'
"""


@pytest.mark.parametrize(("line", "expected"), table(REFUSED) + table(LEFT_TO_RIGHT))
def test_refused(line: str, expected: str) -> None:
    """Exit status and sentence of a command line that ipvsadm refuses itself."""
    assert outcome(shlex.split(line)).rstrip(" ") == expected


@pytest.mark.parametrize(
    "line",
    [
        "-A -6 -f 1",
        "-A -t 10.0.0.1:80 -6",
        "-L -6",
        "-C -6",
        "-A -6 -w x",
        "-L -n -6 -n",
        "-A -t [::1]:80 -6",
    ],
)
def test_ipv6_belongs_behind_a_mark(line: str) -> None:
    """-6 without -f before it; the sentence is followed by an empty line."""
    with pytest.raises(UsageError) as caught:
        read(line.split())
    assert (caught.value.status, caught.value.message) == (2, "-6 used before -f\n")
    assert str(caught.value) == "-6 used before -f"


def test_the_program_is_named_as_it_was_called() -> None:
    """The hint repeats argv[0]."""
    with pytest.raises(UsageError) as caught:
        parse(["--bogus"], names(), "/usr/sbin/ipvsadm")
    hint = "Try `/usr/sbin/ipvsadm -h' or '/usr/sbin/ipvsadm --help' for more information."
    assert (caught.value.message, caught.value.hint) == (hint, True)


def test_errors_are_those_of_the_library_too() -> None:
    """Who reads rules through the library catches InvalidValue, and finds the unknown word."""
    with pytest.raises(InvalidValue) as caught:
        read(["-L", "--stat=1"])
    assert isinstance(caught.value, UsageError)
    assert (caught.value.word, str(caught.value)) == ("--stat=1", "--stat=1: unknown option")
