"""The bench: ipvsfast beside ipvsadm, keepalived, pyroute2 and a bare C floor, in one kernel."""
