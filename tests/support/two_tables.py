"""Two tables that differ in every way: what is added, edited, deleted, and stands in another order."""

OLD = """\
-A -t 10.0.0.1:80 -s rr
-a -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 1
-a -t 10.0.0.1:80 -r 10.1.0.2:80 -m -w 1
-a -t 10.0.0.1:80 -r 10.1.0.3:80 -m -w 1
-A -f 7 -s wlc -p 60
-a -f 7 -r 10.1.0.9 -g -w 1
"""
NEW = """\
-A -t 10.0.0.1:80 -s wrr
-a -t 10.0.0.1:80 -r 10.1.0.2:80 -m -w 5
-a -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 1
-a -t 10.0.0.1:80 -r 10.1.0.4:80 -m -w 1
-A -u 10.0.0.1:53 -s sh -b sh-port
-a -u 10.0.0.1:53 -r 10.1.0.4:53 -m -w 1
"""
