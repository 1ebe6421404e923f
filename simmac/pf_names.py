"""Names that pf.conf may give to numbers: services, and types and codes of ICMP.

The services are those of /etc/services that rules are written with. pfctl prints their numbers
(macos.md, 12), but the names of ICMP.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict

__all__ = ["CODES", "ICMP", "ICMP6", "SERVICES"]


def _numbered(text: str) -> Dict[str, int]:
    words = text.split()
    return {name: int(number) for name, number in zip(words[::2], words[1::2])}


SERVICES = _numbered(
    """
    echo 7 discard 9 daytime 13 chargen 19 ftp-data 20 ftp 21 ssh 22 telnet 23 smtp 25 time 37
    whois 43 domain 53 bootps 67 bootpc 68 tftp 69 gopher 70 finger 79 http 80 www 80 kerberos 88
    pop3 110 sunrpc 111 auth 113 ident 113 nntp 119 ntp 123 netbios-ns 137 netbios-dgm 138
    netbios-ssn 139 imap 143 snmp 161 snmptrap 162 bgp 179 irc 194 ldap 389 svrloc 427 https 443
    microsoft-ds 445 isakmp 500 syslog 514 printer 515 afpovertcp 548 rtsp 554 submission 587
    ipp 631 ldaps 636 rsync 873 imaps 993 pop3s 995 socks 1080 openvpn 1194 l2tp 1701 pptp 1723
    radius 1812 nfs 2049 nfsd 2049 mysql 3306 ms-wbt-server 3389 svn 3690 sip 5060 mdns 5353
    postgresql 5432 rfb 5900 x11 6000 http-alt 8080
    """
)

ICMP = _numbered(
    """
    echorep 0 unreach 3 squench 4 redir 5 althost 6 echoreq 8 routeradv 9 routersol 10 timex 11
    paramprob 12 timereq 13 timerep 14 inforeq 15 inforep 16 maskreq 17 maskrep 18 trace 30
    """
)
ICMP6 = _numbered(
    """
    unreach 1 toobig 2 timex 3 paramprob 4 echoreq 128 echorep 129 groupqry 130 grouprep 131
    groupterm 132 routersol 133 routeradv 134 neighbrsol 135 neighbradv 136 redir 137
    """
)

# Of a type of ICMP, by its number.
CODES = {
    3: _numbered(
        """
        net-unr 0 host-unr 1 proto-unr 2 port-unr 3 needfrag 4 srcfail 5 net-unk 6 host-unk 7
        isolate 8 net-prohib 9 host-prohib 10 net-tos 11 host-tos 12 filter-prohib 13
        host-preced 14 cutoff-preced 15
        """
    ),
    5: _numbered("redir-net 0 redir-host 1 redir-tos-net 2 redir-tos-host 3"),
    11: _numbered("transit 0 reassemb 1"),
    12: _numbered("badhead 0 optmiss 1 badlen 2"),
}
