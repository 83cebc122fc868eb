#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Each kind of socket: which of its frames have a process, and which have none because none is certain."""
import socket
import struct
import subprocess

import harness
import net
from captures import Capture, count_packets, whole_blocks
from net import FAR_IP, NEAR_IP
from owners import PORT, TCP, UDP, OwnersCase, read

GROUP, ANOTHER_IP = "239.1.2.3", "10.9.0.7"
MPTCP = 262
TAG = 5
SYN, ACK = 2, 16
LIKE_PORTS = struct.pack(">H", PORT) * 2000


class SocketsCase(OwnersCase):
    def sent_and_received(self, capture, protocol=None):
        """The processes of the frames of this protocol, by direction."""
        frames = [f for f in self.owned(capture) if protocol in (None, f.protocol)]
        return [f.pid for f in frames if f.is_sent], [f.pid for f in frames if not f.is_sent]

    def bound(self, address="0.0.0.0", family=socket.AF_INET):
        """A process with a socket that is bound to this address, or all of them, and the port."""
        script = self.python(f"""
s = socket.socket({family:d}, socket.SOCK_DGRAM)
s.bind(("{address}", {PORT}))
say(done=True)
hear()
""")
        script.hear()
        return script

    def far_datagram(self, family=socket.AF_INET):
        s = self.pair.far.socket(family, socket.SOCK_DGRAM)
        self.addCleanup(s.close)
        return s

    def last_pid(self, send):
        """The process of a datagram, as a running capture has it in its file."""
        path = self.path("out.pcapng")
        before = count_packets(path)
        send()
        harness.wait_until(lambda: count_packets(path) > before, "the datagram")
        with open(path, "rb") as file:
            data = file.read()
        return read(Capture(data[:len(data) - whole_blocks(data)[1]]).named("EPB")[-1]).pid


class Datagrams(SocketsCase):
    def test_shared_port(self):
        """Of processes that share a port, the one that gets the datagram, as the kernel spreads them."""
        server = f"""
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
s.bind(("0.0.0.0", {PORT}))
s.settimeout({harness.DEADLINE})
say(done=True)
while hear() == "count":
    s.setblocking(False)
    ports = []
    while True:
        try:
            ports.append(s.recvfrom(100)[1][1])
        except BlockingIOError:
            break
    say(ports=ports)
"""
        servers = [self.python(server) for _ in range(3)]
        for one in servers:
            one.hear()
        capture = self.start("--process", "-f", "udp")
        senders = [self.far_datagram() for _ in range(30)]
        for one in senders:
            one.sendto(b"question", (NEAR_IP, PORT))
        capture.wait_packets(len(senders))
        got = {}
        for one in servers:
            one.tell("count")
            got.update((port, one.pid) for port in one.hear()["ports"])
        self.assertEqual(len(got), len(senders))
        self.assertGreater(len(set(got.values())), 1)
        self.assertEqual({f.source: f.pid for f in self.owned(capture)}, got)

    def test_program_chooses(self):
        """A program says which of the sockets that share a port gets a frame: not known, until there is a connection."""
        script = self.python(f"""
import ctypes, struct
first = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0))  # BPF_RET: the first socket
sockets = [socket.socket(socket.AF_INET, kind) for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM)]
for s in sockets:
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    s.setsockopt(socket.SOL_SOCKET, 51, struct.pack("HP", 1, ctypes.addressof(first)))  # SO_ATTACH_REUSEPORT_CBPF
    s.bind(("0.0.0.0", {PORT}))
s.listen()
say(done=True)
hear()
""")
        script.hear()
        capture = self.start("--process", "-f", "dst host " + NEAR_IP)
        self.far_datagram().sendto(b"datagram", (NEAR_IP, PORT))
        with self.pair.far.socket(socket.AF_INET, socket.SOCK_STREAM) as client:
            client.connect((NEAR_IP, PORT))
            capture.wait_packets(3)
        self.assertEqual([f.pid for f in self.owned(capture)][:3], [None, None, script.pid])

    def test_multicast(self):
        """What is sent to a group is its sender's; what is received may be for several, also where the socket is bound
        to the group. The same is true for a broadcast."""
        self.pair.near.ip("route", "add", "239.0.0.0/8", "dev", "near")
        self.pair.far.ip("route", "add", "239.0.0.0/8", "dev", "far")
        member = f"""
sockets = []
for address, port in (("{GROUP}", {PORT}), ("0.0.0.0", {PORT}), ("10.9.0.255", {PORT})):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                 socket.inet_aton("{GROUP}") + socket.inet_aton("{NEAR_IP}"))
    s.bind((address, port))
    sockets.append(s)
say(done=True)
hear()
sockets[1].sendto(b"to the group", ("{GROUP}", {PORT + 1}))
sockets[1].sendto(b"to all", ("10.9.0.255", {PORT + 1}))
say(done=True)
hear()
"""
        members = [self.python(member) for _ in range(2)]
        for one in members:
            one.hear()
        capture = self.start("--process", "-f", f"udp and (port {PORT} or port {PORT + 1})")
        sender = self.far_datagram()
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        sender.sendto(b"to the group", (GROUP, PORT))
        sender.sendto(b"to all", ("10.9.0.255", PORT))
        members[0].tell()
        members[0].hear()
        capture.wait_packets(4)
        self.assertEqual(self.sent_and_received(capture), (2 * [members[0].pid], 2 * [None]))

    def test_fragments(self):
        """All fragments that are sent have their socket with them; of those received, the first one has ports, and
        the others have what looks like them."""
        capture = self.start("--process", "-f", "ip proto 17")
        script = self.python(f"""
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("0.0.0.0", {PORT}))
s.sendto({LIKE_PORTS}, ("{FAR_IP}", {PORT}))
say(done=True)
s.recv(8)
say(done=True)
hear()
""")
        script.hear()
        self.far_datagram().sendto(LIKE_PORTS, (NEAR_IP, PORT))
        script.hear()
        self.assertEqual(self.sent_and_received(capture), (3 * [script.pid], [script.pid, None, None]))

    def forward(self):
        """Makes another namespace send a datagram from a port that a socket of ours has, too, and get an answer."""
        inner = self.enterContext(net.Namespace())
        near = self.pair.near
        near.ip("link", "add", "out", "type", "veth", "peer", "name", "in", "netns", inner.name)
        near.ip("addr", "add", "10.8.0.1/24", "dev", "out")
        near.ip("link", "set", "out", "up")
        inner.ip("addr", "add", "10.8.0.2/24", "dev", "in")
        inner.ip("link", "set", "in", "up")
        inner.ip("route", "add", "default", "via", "10.8.0.1")
        near.write("/proc/sys/net/ipv4/ip_forward", "1")
        self.pair.far.ip("route", "add", "10.8.0.0/24", "via", NEAR_IP)
        self.answer_datagrams()
        ours = self.bound()
        capture = self.start("--process", "-f", "udp")
        self.python(f"""
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("0.0.0.0", {PORT}))
s.sendto(b"question", ("{FAR_IP}", {PORT}))
s.recv(8)
say(done=True)
""", namespace=inner).hear()
        return ours.pid, self.sent_and_received(capture)

    def test_forwarded(self):
        """Neither what another namespace sends through this one nor what it gets has a process here."""
        self.assertEqual(self.forward()[1], ([None], [None]))

    def test_masqueraded(self):
        """Nor has what it sends after NAT. An answer looks like one of ours until the kernel has translated it."""
        rules = "table ip t { chain c { type nat hook postrouting priority 100; oifname near masquerade; }; }"
        try:
            self.pair.near.run("nft", rules.replace("table", "add table", 1))
        except (OSError, subprocess.CalledProcessError):
            self.skipTest("this kernel or machine has no NAT")
        ours, (sent, received) = self.forward()
        self.assertEqual((sent, received), ([None], [ours]))

    def test_other_namespace(self):
        """A process in another namespace with a socket of this one: it is the process's."""
        self.answer_datagrams()
        capture = self.start("--process", "-f", "udp")
        script = self.python(f"""
import ctypes
with open("/run/netns/{self.pair.near.name}") as here:
    assert ctypes.CDLL(None).setns(here.fileno(), {net.CLONE_NEWNET}) == 0
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
with open("/run/netns/{self.pair.far.name}") as there:
    assert ctypes.CDLL(None).setns(there.fileno(), {net.CLONE_NEWNET}) == 0
s.sendto(b"question", ("{FAR_IP}", {PORT}))
s.recv(8)
say(done=True)
""", namespace=self.pair.far)
        script.hear()
        self.assertEqual(self.sent_and_received(capture), ([script.pid], [script.pid]))

    def test_new_address(self):
        """An address that the machine gets while the capture runs is its own as well, until it goes."""
        self.pair.far.ip("neigh", "add", ANOTHER_IP, "lladdr", net.NEAR_MAC, "dev", "far", "nud", "permanent")
        script, sender = self.bound(), self.far_datagram()
        capture = self.start("--process", "-f", "udp")

        def last():
            return self.last_pid(lambda: sender.sendto(b"datagram", (ANOTHER_IP, PORT)))

        self.assertIsNone(last())
        self.pair.near.ip("addr", "add", ANOTHER_IP + "/24", "dev", "near")
        harness.wait_until(lambda: last() == script.pid, "the process of the new address")
        self.pair.near.ip("addr", "del", ANOTHER_IP + "/24", "dev", "near")
        harness.wait_until(lambda: last() is None, "no process of the old address")
        capture.finish()


class Streams(SocketsCase):
    ECHO = f"""
def echo(family, address, protocol=0):
    listener = socket.socket(family, socket.SOCK_STREAM, protocol)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((address, {PORT}))
    listener.listen()
    say(done=True)
    connection = listener.accept()[0]
    connection.sendall(connection.recv(8))
    connection.recv(8)
    connection.close()
    say(done=True)
def ask(family, address, protocol=0):
    s = socket.socket(family, socket.SOCK_STREAM, protocol)
    s.connect((address, {PORT}))
    s.sendall(b"question")
    s.recv(8)
    s.close()
    say(done=True)
"""

    def echoed(self, server, client, address, protocol):
        """The frames of a connection between two namespaces."""
        capture = self.start("--process", "-f", "tcp")
        scripts = [self.python(self.ECHO + f"echo(socket.AF_INET, '0.0.0.0', {protocol})", namespace=server)]
        scripts[0].hear()
        scripts.append(self.python(self.ECHO + f"ask(socket.AF_INET, '{address}', {protocol})", namespace=client))
        for script in scripts:
            script.hear()
        return self.owned(capture)

    def test_listening(self):
        """What opens a connection is the listener's, also before anybody accepts; a stray segment is nobody's, nor is
        what opens one to another machine."""
        server = self.python(f"""
listener = socket.create_server(("0.0.0.0", {PORT}))
say(done=True)
hear()
""")
        server.hear()
        capture = self.start("--process", "-f", "tcp")
        client = self.pair.far.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.addCleanup(client.close)
        client.connect((NEAR_IP, PORT))
        self.pair.send_all([tcp_segment(40000, PORT, ACK), tcp_segment(40000, PORT, SYN, ANOTHER_IP)])
        capture.wait_packets(6)  # with the reset that answers it, which newer kernels say is the listener's
        frames = self.owned(capture)
        stray = [f for f in frames if 40000 in (f.source, f.target)]
        self.assertEqual([f.pid for f in stray if not f.is_sent], [None, None])
        self.assertEqual([f.pid for f in frames if f not in stray], 3 * [server.pid])

    def test_mptcp(self):
        """The kernel makes the connections of MPTCP itself: not known, in either direction."""
        try:
            socket.socket(socket.AF_INET, socket.SOCK_STREAM, MPTCP).close()
        except OSError as error:
            self.skipTest(f"this kernel has no MPTCP: {error.strerror}")
        for namespace in (self.pair.near, self.pair.far):
            namespace.write("/proc/sys/net/mptcp/enabled", "1")
        near, far = self.pair.near, self.pair.far
        for ends in ((far, near, FAR_IP), (near, far, NEAR_IP)):
            with self.subTest(server=ends[2]):
                frames = self.echoed(*ends, MPTCP)
                self.assertEqual({f.pid for f in frames}, {None}, frames)


class Tagged(SocketsCase):
    def test_received(self):
        """The headers are found after one tag and after two."""
        script = self.bound()
        for options in ((), ("--point", "tc")):
            with self.subTest(options=options):
                capture = self.start("--process", *options)
                self.pair.send_all([datagram(tags) for tags in (0, 1, 2)])
                capture.wait_packets(3)
                self.assertEqual([f.pid for f in self.owned(capture) if f.protocol == UDP], 3 * [script.pid])

    def test_device(self):
        """Traffic of a VLAN device, seen on the one below."""
        try:
            for namespace, name, own in ((self.pair.near, "near", "10.7.0.1"), (self.pair.far, "far", "10.7.0.2")):
                namespace.ip("link", "add", "tagged", "link", name, "type", "vlan", "id", str(TAG))
                namespace.ip("addr", "add", own + "/24", "dev", "tagged")
                namespace.ip("link", "set", "tagged", "up")
        except RuntimeError as error:
            self.skipTest(f"this kernel has no VLAN devices: {error}")
        server = self.python(f"""
listener = socket.create_server(("0.0.0.0", {PORT}))
say(done=True)
connection = listener.accept()[0]
connection.sendall(connection.recv(8))
connection.recv(8)
""")
        server.hear()
        capture = self.start("--process", "-f", "vlan and tcp", "--point", "tc")  # before 6.8, XDP sees no tags
        client = self.pair.far.socket(socket.AF_INET, socket.SOCK_STREAM)
        client.settimeout(harness.DEADLINE)
        client.connect(("10.7.0.1", PORT))
        client.sendall(b"question")
        client.recv(8)
        client.close()
        server.wait()
        frames = self.owned(capture)
        self.assertEqual({f.pid for f in frames}, {server.pid}, frames)
        self.assertEqual({f.is_sent for f in frames}, {True, False})


class Packets(SocketsCase):
    def test_raw(self):
        """A protocol without ports: sent packets have their socket with them, received ones may be for several."""
        script = f"""
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, 253)
say(done=True)
hear()
s.sendto(b"question", ("FAR", 0))
s.recv(100)
say(done=True)
"""
        near = self.python(script.replace("FAR", FAR_IP))
        far = self.python(script.replace("FAR", NEAR_IP), namespace=self.pair.far)
        for one in (near, far):
            one.hear()
        capture = self.start("--process", "-f", "ip proto 253")
        for one in (near, far):
            one.tell()
        for one in (near, far):
            one.hear()
        self.assertEqual(self.sent_and_received(capture), ([near.pid], [None]))

    def test_packet_socket(self):
        """Its first frame goes before the kernel says who uses it."""
        capture = self.start("--process")
        script = self.python(f"""
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("near", 0))
for _ in range(3):
    s.send({net.frame(100)!r})
say(done=True)
""")
        script.hear()
        later = script.pid if net.has_symbol("__traceiter_sock_send_length") else None
        self.assertEqual(self.sent_and_received(capture), ([None, later, later], []))

    def test_older_packet_socket(self):
        script = self.python(f"""
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("near", 0))
say(done=True)
hear()
s.send({net.frame(100)!r})
say(done=True)
""")
        script.hear()
        capture = self.start("--process")
        script.tell()
        script.hear()
        self.assertEqual(self.sent_and_received(capture), ([script.pid], []))


def ip_packet(protocol, payload, target=NEAR_IP):
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 1, 0, 64, protocol, 0,
                       socket.inet_aton(FAR_IP), socket.inet_aton(target))
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + payload


def checksum(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def ethernet(packet, tags=0):
    macs = bytes.fromhex((net.NEAR_MAC + net.FAR_MAC).replace(":", ""))
    return macs + tags * struct.pack(">HH", 0x8100, TAG) + b"\x08\x00" + packet


def datagram(tags):
    return ethernet(ip_packet(UDP, struct.pack(">HHHH", 4000, PORT, 16, 0) + b"question"), tags)


def tcp_segment(source, target, flags, address=NEAR_IP):
    pseudo = socket.inet_aton(FAR_IP) + socket.inet_aton(address) + struct.pack(">HH", TCP, 20)
    head = struct.pack(">HHIIBBHHH", source, target, 1, 1, 5 << 4, flags, 1000, 0, 0)
    return ethernet(ip_packet(TCP, head[:16] + struct.pack(">H", checksum(pseudo + head)) + head[18:], address))


if __name__ == "__main__":
    harness.main()
