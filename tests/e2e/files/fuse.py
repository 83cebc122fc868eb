# SPDX-License-Identifier: MIT
"""A file system in this process's memory, one folder of files, that misbehaves on demand.

It speaks the kernel's own protocol [linux/fuse.h], so no library is needed.
"""
import ctypes
import errno
import fnmatch
import os
import select
import stat
import struct
import threading
import time
import unittest

from disks import Context

(LOOKUP, FORGET, GETATTR, SETATTR, UNLINK, RENAME, OPEN, READ, WRITE, STATFS, RELEASE, FSYNC, FLUSH, INIT, OPENDIR,
 READDIR, RELEASEDIR, FSYNCDIR, CREATE, INTERRUPT, DESTROY, BATCH_FORGET, RENAME2) = (
     1, 2, 3, 4, 10, 12, 14, 15, 16, 17, 18, 20, 25, 26, 27, 28, 29, 30, 35, 36, 38, 42, 45)
SILENT = FORGET, BATCH_FORGET, INTERRUPT, DESTROY
ROOT = 1
MAX_WRITE = 128 << 10
BIG_WRITES, MAX_PAGES = 1 << 5, 1 << 22
SIZE_IS_VALID, MODE_IS_VALID = 8, 1
NO_REPLACE = 1
MNT_DETACH = 2

libc = ctypes.CDLL(None, use_errno=True)


class File:
    def __init__(self, mode):
        self.data, self.mode = bytearray(), mode


class Fuse(Context):
    def __init__(self, folder):
        self.folder = folder
        self.nodes = {ROOT: File(stat.S_IFDIR | 0o777)}
        self.names = {}
        self.error = 0           # of writes and syncs
        self.bytes_per_second = 0
        self.lock = threading.RLock()
        self.stands_still, self.waiting = False, []
        self.handlers = {INIT: self.init, LOOKUP: self.lookup, GETATTR: self.getattr, SETATTR: self.setattr,
                         CREATE: self.create, UNLINK: self.unlink, RENAME: self.rename, RENAME2: self.rename2,
                         OPEN: self.open, OPENDIR: self.open, READ: self.read, READDIR: self.readdir,
                         WRITE: self.write, STATFS: self.statfs, FSYNC: self.fsync, FLUSH: self.nothing,
                         RELEASE: self.nothing, RELEASEDIR: self.nothing, FSYNCDIR: self.nothing}

    def __enter__(self):
        os.makedirs(self.folder, exist_ok=True)
        try:
            self.device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            raise unittest.SkipTest("this machine has no FUSE") from None
        options = f"fd={self.device},rootmode=40000,user_id=0,group_id=0,allow_other"
        if libc.mount(b"xdptap-test", self.folder.encode(), b"fuse", 0, options.encode()) < 0:
            os.close(self.device)
            raise unittest.SkipTest("this machine cannot mount FUSE: " + os.strerror(ctypes.get_errno()))
        self.stopping, self.stop = os.pipe()
        self.server = threading.Thread(target=self.serve, daemon=True)
        self.server.start()
        return super().__enter__()

    def end(self):
        """Whoever waits for it gets an error."""
        self.crash()
        libc.umount2(self.folder.encode(), MNT_DETACH)
        os.close(self.stopping)

    def crash(self):
        """The kernel notices that nobody serves it any more."""
        if self.stop is not None:
            os.close(self.stop)
            self.server.join()
            os.close(self.device)
            self.stop = None

    def files(self, pattern="*"):
        return [os.path.join(self.folder, name) for name in sorted(self.names) if fnmatch.fnmatch(name, pattern)]

    def content(self, path):
        with self.lock:
            return bytes(self.nodes[self.names[os.path.basename(path)]].data)

    def stall(self):
        with self.lock:
            self.stands_still = True

    def release(self):
        with self.lock:
            self.stands_still = False
            waiting, self.waiting = self.waiting, []
            for request in waiting:
                self.answer(request)

    def serve(self):
        while self.stopping not in select.select([self.device, self.stopping], [], [])[0]:
            try:
                request = os.read(self.device, MAX_WRITE + 65536)
            except OSError as error:
                if error.errno in (errno.EINTR, errno.ENOENT, errno.EAGAIN):
                    continue
                return  # unmounted or aborted
            if self.bytes_per_second and self.is_late(request):
                time.sleep(len(request) / self.bytes_per_second)
            with self.lock:
                if self.stands_still and self.is_late(request):
                    self.waiting.append(request)
                else:
                    self.answer(request)

    @staticmethod
    def is_late(request):
        return struct.unpack_from("=I", request, 4)[0] in (WRITE, FSYNC)

    def answer(self, request):
        _, code, unique, node = struct.unpack_from("=IIQQ", request)
        if code in SILENT:
            return
        try:
            if code not in self.handlers:
                raise OSError(errno.ENOSYS, "")
            data, error = self.handlers[code](node, request[40:]), 0
        except OSError as problem:
            data, error = b"", problem.errno
        try:
            os.write(self.device, struct.pack("=IiQ", 16 + len(data), -error, unique) + data)
        except OSError:
            pass  # aborted meanwhile

    def init(self, _node, data):
        _, _, readahead, _ = struct.unpack_from("=IIII", data)
        return struct.pack("=IIIIHHIIHHI7I", 7, 31, readahead, BIG_WRITES | MAX_PAGES, 16, 12, MAX_WRITE, 1,
                           MAX_WRITE >> 12, 0, 0, *[0] * 7)

    def attributes(self, node):
        file = self.nodes[node]
        size = len(file.data)
        return struct.pack("=6Q10I", node, size, (size + 511) // 512, 0, 0, 0, 0, 0, 0, file.mode, 1, 0, 0, 0, 4096, 0)

    def entry(self, node):
        return struct.pack("=4Q2I", node, 0, 0, 0, 0, 0) + self.attributes(node)

    def find(self, name):
        if name not in self.names:
            raise OSError(errno.ENOENT, "")
        return self.names[name]

    def lookup(self, _node, data):
        return self.entry(self.find(data[:-1].decode()))

    def getattr(self, node, _data):
        return struct.pack("=QII", 0, 0, 0) + self.attributes(node)

    def setattr(self, node, data):
        valid, _, _, size = struct.unpack_from("=IIQQ", data)
        mode, = struct.unpack_from("=I", data, 68)
        file = self.nodes[node]
        if valid & SIZE_IS_VALID:
            file.data = file.data[:size].ljust(size, b"\0")
        if valid & MODE_IS_VALID:
            file.mode = mode
        return self.getattr(node, b"")

    def create(self, _node, data):
        _, mode = struct.unpack_from("=II", data)
        node = max(self.nodes) + 1
        self.nodes[node] = File(mode)
        self.names[data[16:-1].decode()] = node
        return self.entry(node) + self.open(node, b"")

    def unlink(self, _node, data):
        self.find(data[:-1].decode())
        del self.names[data[:-1].decode()]
        return b""

    def move(self, old, new, flags):
        self.find(old)
        if flags & NO_REPLACE and new in self.names:
            raise OSError(errno.EEXIST, "")
        self.names[new] = self.names.pop(old)
        return b""

    def rename(self, _node, data):
        old, new, _ = data[8:].split(b"\0")
        return self.move(old.decode(), new.decode(), 0)

    def rename2(self, _node, data):
        old, new, _ = data[16:].split(b"\0")
        return self.move(old.decode(), new.decode(), struct.unpack_from("=I", data, 8)[0])

    def open(self, _node, _data):
        return struct.pack("=QII", 0, 0, 0)

    def read(self, node, data):
        _, at, size = struct.unpack_from("=QQI", data)
        return bytes(self.nodes[node].data[at:at + size])

    def readdir(self, _node, data):
        _, at, size = struct.unpack_from("=QQI", data)
        out = b""
        for number, name in enumerate(sorted(self.names)[at:], int(at) + 1):
            raw = name.encode()
            one = struct.pack("=QQII", self.names[name], number, len(raw), stat.S_IFREG >> 12) + raw
            one += bytes(-len(one) % 8)
            if len(out) + len(one) > size:
                break
            out += one
        return out

    def write(self, node, data):
        _, at, size = struct.unpack_from("=QQI", data)
        if self.error:
            raise OSError(self.error, "")
        file = self.nodes[node].data
        if len(file) < at:
            file.extend(bytes(at - len(file)))
        file[at:at + size] = data[40:40 + size]
        return struct.pack("=II", size, 0)

    def statfs(self, _node, _data):
        return struct.pack("=5Q10I", 1 << 20, 1 << 19, 1 << 19, 1 << 20, 1 << 19, 4096, 255, 4096, *[0] * 7)

    def fsync(self, _node, _data):
        if self.error:
            raise OSError(self.error, "")
        return b""

    @staticmethod
    def nothing(_node, _data):
        return b""
