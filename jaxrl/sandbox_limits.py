"""What a verifier's process may still do: compute, read its libraries, answer.

Layers, each applied where the system has it, because each has holes alone:

  fork      Linux: each item in a process of its own (`sandbox_worker` sees to it)
  rlimits   memory, no core dumps, no file contents, few open files
  landlock  Linux 5.13+: no write anywhere, reads only below `roots`, no TCP
  seccomp   Linux, x86_64 and aarch64: no sockets, processes, signals to others, ...
  audit     any system: the same rules for Python code; ctypes walks around it

It contains mistakes and the text of a language model that a scorer evaluates. It is no
prison for native code written to break the kernel. Imports nothing outside the standard
library, since it must act after the verifier's imports and add none.
"""

import ctypes
import errno
import os
import platform
import pwd
import resource
import struct
import sys
import sysconfig
from collections.abc import Callable, Iterable

LAYERS = ("fork", "rlimits", "landlock", "seccomp", "audit")

# Libraries, time zones, and the few files that the C library reads by itself.
_SYSTEM_ROOTS = (
  "/usr/lib",
  "/usr/lib64",
  "/usr/local/lib",
  "/usr/share/zoneinfo",
  "/lib",
  "/lib64",
  "/etc/ld.so.cache",
  "/etc/localtime",
  "/dev/null",
  "/dev/zero",
  "/dev/random",
  "/dev/urandom",
)
_WRITE_FLAGS = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def readable_roots(own: Iterable[str]) -> list[str]:
  """Files and folders that may be read: the interpreter, what is imported, `own`.

  Taken after the imports, so that a package found anywhere on `sys.path` may still
  load its parts lazily, while the rest of the folder it lies in stays closed.
  """
  roots = {*_SYSTEM_ROOTS, *own, sys.prefix, sys.base_prefix}
  roots.update(sysconfig.get_paths().values())
  for name, module in list(sys.modules.items()):
    path = getattr(module, "__file__", None)
    if path and "." not in name:
      is_package = os.path.basename(path).startswith("__init__.")
      roots.add(os.path.dirname(path) if is_package else path)
  home = os.path.realpath(pwd.getpwuid(os.getuid()).pw_dir)  # $HOME is scrubbed
  found = {os.path.realpath(root) for root in roots if os.path.exists(root)}
  found = {root for root in found if not _below(home, root)}
  return sorted(r for r in found if not any(_below(r, o) for o in found - {r}))


def _below(path: str, root: str) -> bool:
  return path == root or path.startswith(root.rstrip(os.sep) + os.sep)


def restrict(memory_mb: int, roots: list[str], layers: Iterable[str]) -> list[str]:
  """Applies the layers to this process for good; the names of those that took hold."""
  active: list[str] = []
  apply: dict[str, Callable[[], bool]] = {
    "rlimits": lambda: _rlimits(memory_mb),
    "landlock": lambda: _landlock(roots),
    # where Landlock rules on paths, writing to /dev/null may stay possible
    "seccomp": lambda: _seccomp(deny_writes="landlock" not in active),
    "audit": lambda: _audit(roots),
  }
  for layer in LAYERS:
    if layer in apply and layer in layers and apply[layer]():
      active.append(layer)
  return active


def _rlimits(memory_mb: int) -> bool:
  limits = {
    "RLIMIT_AS": memory_mb * 2**20,
    "RLIMIT_FSIZE": 0,
    "RLIMIT_CORE": 0,
    "RLIMIT_NOFILE": 64,
  }
  for name, value in limits.items():
    try:
      which = getattr(resource, name)
      hard = resource.getrlimit(which)[1]
      value = value if hard == resource.RLIM_INFINITY else min(value, hard)
      resource.setrlimit(which, (value, value))
    except (AttributeError, ValueError, OSError):
      if name == "RLIMIT_AS":
        return False  # macOS has no working one
  return True


def address_space_mb() -> float:
  """What RLIMIT_AS counts, so far; 0 where the system does not say."""
  try:
    with open("/proc/self/statm") as file:
      return int(file.read().split()[0]) * resource.getpagesize() / 2**20
  except OSError:
    return 0.0


# Landlock, https://docs.kernel.org/userspace-api/landlock.html
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_TRUNCATE = 1 << 14
_FILE_RIGHTS_OF_ABI = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1}
_ALL_FILE_RIGHTS = (1 << 16) - 1  # from ABI 5: + device ioctl
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # on every architecture
_NO_NEW_PRIVS = 38


def _call(number: int, *arguments: object) -> int:
  libc = ctypes.CDLL(None, use_errno=True)
  libc.syscall.restype = ctypes.c_long
  wide = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
  return libc.syscall(ctypes.c_long(number), *wide)


def _no_new_privileges() -> bool:
  libc = ctypes.CDLL(None, use_errno=True)
  zero = ctypes.c_ulong(0)
  return libc.prctl(_NO_NEW_PRIVS, ctypes.c_ulong(1), zero, zero, zero) == 0


def _landlock(roots: list[str]) -> bool:
  if not sys.platform.startswith("linux"):
    return False
  abi = _call(_CREATE_RULESET, None, 0, 1)
  if abi < 1:
    return False
  files = _FILE_RIGHTS_OF_ABI.get(abi, (1 << 15) - 1 if abi < 5 else _ALL_FILE_RIGHTS)
  network = 0b11 if abi >= 4 else 0  # TCP bind and connect
  scopes = 0b11 if abi >= 6 else 0  # abstract sockets and signals to outside
  fields = struct.pack("=QQQ", files, network, scopes)
  size = 24 if abi >= 6 else 16 if abi >= 4 else 8
  ruleset = _call(_CREATE_RULESET, ctypes.c_char_p(fields), size, 0)
  if ruleset < 0:
    return False
  try:
    for root in roots:
      _allow_below(ruleset, root, files)
    return _no_new_privileges() and _call(_RESTRICT_SELF, ruleset, 0) == 0
  finally:
    os.close(ruleset)


def _allow_below(ruleset: int, root: str, handled: int) -> None:
  try:
    handle = os.open(root, os.O_PATH | os.O_CLOEXEC)
  except OSError:
    return
  try:
    rights = _READ_FILE | (_READ_DIR if os.path.isdir(root) else 0)
    if root == os.devnull:  # `redirect_stdout(open(os.devnull, "w"))` harms nobody
      rights |= (_WRITE_FILE | _TRUNCATE) & handled
    rule = struct.pack("=Qi", rights, handle)
    _call(_ADD_RULE, ruleset, 1, ctypes.c_char_p(rule), 0)
  finally:
    os.close(handle)


# name x86_64 aarch64, "-" where the architecture has no such call
_DENIED = """
socket 41 198|socketpair 53 199|connect 42 203|bind 49 200|listen 50 201|accept 43 202
accept4 288 242|sendto 44 206|sendmsg 46 211|sendmmsg 307 269|fork 57 -|vfork 58 -
execve 59 221|execveat 322 281|ptrace 101 117|process_vm_readv 310 270
process_vm_writev 311 271|kill 62 129|tkill 200 130|rt_sigqueueinfo 129 138
rt_tgsigqueueinfo 297 240|pidfd_open 434 434|pidfd_send_signal 424 424
pidfd_getfd 438 438|io_uring_setup 425 425|io_uring_enter 426 426
io_uring_register 427 427|mount 165 40|umount2 166 39|pivot_root 155 41|chroot 161 51
unshare 272 97|setns 308 268|open_by_handle_at 304 265|bpf 321 280
perf_event_open 298 241|keyctl 250 219|add_key 248 217|request_key 249 218
init_module 175 105|finit_module 313 273|delete_module 176 106|kexec_load 246 104
kexec_file_load 320 294|reboot 169 142|swapon 167 224|swapoff 168 225
settimeofday 164 170|clock_settime 227 112|adjtimex 159 171|clock_adjtime 305 266
sethostname 170 161|setdomainname 171 162|userfaultfd 323 282|memfd_create 319 279
memfd_secret 447 447|shmget 29 194|shmat 30 196|msgget 68 186|semget 64 190
mq_open 240 180|creat 85 -|truncate 76 45|ftruncate 77 46|fallocate 285 47|link 86 -
linkat 265 37|symlink 88 -|symlinkat 266 36|unlink 87 -|unlinkat 263 35|rename 82 -
renameat 264 38|renameat2 316 276|mkdir 83 -|mkdirat 258 34|rmdir 84 -|mknod 133 -
mknodat 259 33|chmod 90 -|fchmod 91 52|fchmodat 268 53|fchmodat2 452 452|chown 92 -
fchown 93 55|lchown 94 -|fchownat 260 54|utime 132 -|utimes 235 -|utimensat 280 88
futimesat 261 -|setxattr 188 5|lsetxattr 189 6|fsetxattr 190 7|removexattr 197 14
lremovexattr 198 15|fremovexattr 199 16|setrlimit 160 164|setsid 112 157
setpgid 109 154|setpriority 141 140|acct 163 89|quotactl 179 60|syslog 103 116
move_mount 429 429|fsopen 430 430|fsconfig 431 431|fsmount 432 432|open_tree 428 428
mount_setattr 442 442|iopl 172 -|ioperm 173 -
"""
_ARCHITECTURES = {  # column in the table, audit id, clone, clone3, openat2 and others
  "x86_64": (
    1, 0xC000003E, {"clone": 56, "open": 2, "openat": 257, "tgkill": 234,
                    "prlimit64": 302, "seccomp": 317},
  ),
  "aarch64": (
    2, 0xC00000B7, {"clone": 220, "openat": 56, "tgkill": 131, "prlimit64": 261,
                    "seccomp": 277},
  ),
}  # fmt: skip
_CLONE3, _OPENAT2 = 435, 437
_CLONE_THREAD = 0x00010000
_ALLOW = 0x7FFF0000


def _seccomp(deny_writes: bool) -> bool:
  machine = platform.machine()
  if not sys.platform.startswith("linux") or machine not in _ARCHITECTURES:
    return False
  program = b"".join(
    struct.pack("=HBBI", *line) for line in _program(machine, deny_writes)
  )
  buffer = ctypes.create_string_buffer(program)
  filter_ = struct.pack("=H6xQ", len(program) // 8, ctypes.addressof(buffer))
  number = _ARCHITECTURES[machine][2]["seccomp"]
  # flag 1: every thread that a library may have started by now
  return _no_new_privileges() and _call(number, 1, 1, ctypes.c_char_p(filter_)) == 0


def _program(machine: str, deny_writes: bool) -> list[tuple[int, int, int, int]]:
  """The filter, as (code, jump if true, jump if false, operand) of classic BPF."""
  load, equal, any_bit, back = 0x20, 0x15, 0x45, 0x06
  column, architecture, special = _ARCHITECTURES[machine]
  refuse = 0x00050000 | errno.EPERM
  missing = 0x00050000 | errno.ENOSYS  # so that libc falls back on the older call
  lines = [(load, 0, 0, 4), (equal, 1, 0, architecture), (back, 0, 0, refuse)]
  lines += [(load, 0, 0, 0)]
  if machine == "x86_64":  # the x32 twins of every call
    lines += [(any_bit, 0, 1, 0x40000000), (back, 0, 0, refuse)]
  for entry in _DENIED.replace("\n", "|").strip("|").split("|"):
    number = entry.split()[column]
    if number != "-":
      lines += [(equal, 0, 1, int(number)), (back, 0, 0, refuse)]
  for denied in (_CLONE3, _OPENAT2):
    lines += [(equal, 0, 1, denied), (back, 0, 0, missing)]

  def on_argument(name: str, index: int, test: tuple[int, int], if_set: int) -> None:
    # the low half of an argument: both architectures are little-endian
    otherwise = _ALLOW if if_set == refuse else refuse
    lines.extend(
      [
        (equal, 0, 4, special[name]),
        (load, 0, 0, 16 + 8 * index),
        (test[0], 0, 1, test[1]),
        (back, 0, 0, if_set),
        (back, 0, 0, otherwise),
      ]
    )

  on_argument("clone", 0, (any_bit, _CLONE_THREAD), _ALLOW)  # threads, no processes
  on_argument("tgkill", 0, (equal, os.getpid()), _ALLOW)  # abort() signals itself
  on_argument("prlimit64", 2, (equal, 0), _ALLOW)  # reading a limit, not raising it
  if deny_writes:
    on_argument("openat", 2, (any_bit, _WRITE_FLAGS), refuse)
    if "open" in special:
      on_argument("open", 1, (any_bit, _WRITE_FLAGS), refuse)
  return [*lines, (back, 0, 0, _ALLOW)]


_DENIED_EVENTS = """
os.chflags os.chmod os.chown os.exec os.fork os.forkpty os.kill os.killpg os.link
os.mkdir os.posix_spawn os.remove os.removexattr os.rename os.rmdir os.setxattr
os.spawn os.startfile os.symlink os.system os.truncate os.utime pty.spawn
resource.prlimit resource.setrlimit signal.pthread_kill subprocess.Popen
tempfile.mkdtemp tempfile.mkstemp webbrowser.open
"""


def _audit(roots: list[str]) -> bool:
  """A hook on the interpreter's own events; it cannot be taken off again."""

  denied = frozenset(_DENIED_EVENTS.split())

  def refuse(event: str, what: object = "") -> None:
    raise PermissionError(
      errno.EPERM, f"denied in the verifier's process: {event} {what}".rstrip()
    )

  def readable(path: object) -> bool:
    if not isinstance(path, str | bytes | os.PathLike):
      return True  # an open descriptor
    real = os.path.realpath(os.fsdecode(path))
    return any(_below(real, root) for root in roots)

  def hook(event: str, arguments: tuple) -> None:
    if event == "open":
      path, _, flags = arguments
      writes = isinstance(flags, int) and flags & _WRITE_FLAGS
      if (writes and path != os.devnull) or not readable(path):
        refuse(event, repr(path)[:200])
    elif event in ("os.listdir", "os.scandir"):
      if not readable(arguments[0] or "."):
        refuse(event)
    elif event == "sqlite3.connect":
      if arguments[0] != ":memory:":
        refuse(event)
    elif event in denied or event.startswith(("socket.", "shutil.")):
      refuse(event)

  sys.addaudithook(hook)
  return True
