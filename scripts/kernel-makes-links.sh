#!/bin/sh
# Exit status 0 where this machine's kernel makes links of the types vlan and dummy. As root; what it tries goes with its namespace.
exec unshare -n sh -c 'ip link add name below type dummy && ip link add name above link below type vlan id 5' >/dev/null 2>&1
