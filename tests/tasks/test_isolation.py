"""Each layer alone, and all of them against the attempts that were seen to work."""

import importlib.util
import os
import pathlib
import subprocess
import sys
import uuid

import pytest

from jaxrl import sandbox_limits
from jaxrl.problems import Problem
from jaxrl.sandbox import VerifierPool
from tests.tasks import hostile

PROBLEM = Problem("id", "source", "question", "answer", {})
KERNEL = ("landlock", "seccomp")

# Each is 1 where it worked and 0, or an error, where it did not. By way of Python and
# by way of the C library, which the interpreter's audit events do not see.
WRITES = {
  "open": "open({path!r}, 'w') and 1",
  "append": "open({path!r}, 'a') and 1",
  "os.open": "os.open({path!r}, os.O_RDWR | os.O_CREAT) > 0",
  "mkdir": "os.mkdir({path!r}) is None",
  "libc.open": "libc.open({path!r}.encode(), 65, 511) >= 0",
  "libc.creat": "libc.creat({path!r}.encode(), 511) >= 0",
  "libc.mkdir": "libc.mkdir({path!r}.encode(), 511) == 0",
  "libc.symlink": "libc.symlink(b'/etc', {path!r}.encode()) == 0",
  "libc.mkfifo": "libc.mkfifo({path!r}.encode(), 511) == 0",
}
CHANGES = {  # of a file that exists
  "truncate": "open({path!r}, 'r+').truncate(0) == 0",
  "remove": "os.remove({path!r}) is None",
  "rename": "os.rename({path!r}, {path!r} + '2') is None",
  "libc.truncate": "libc.truncate({path!r}.encode(), 0) == 0",
  "libc.unlink": "libc.unlink({path!r}.encode()) == 0",
  "libc.rename": "libc.rename({path!r}.encode(), {path!r}.encode() + b'2') == 0",
}
MODES = {  # Landlock does not know these
  "chmod": "os.chmod({path!r}, 0o777) is None",
  "utime": "os.utime({path!r}) is None",
  "libc.chmod": "libc.chmod({path!r}.encode(), 511) == 0",
}
READS = {
  "read": "len(open({path!r}).read()) > 0",
  "os.open": "os.open({path!r}, os.O_RDONLY) > 0",
  "libc.open": "libc.open({path!r}.encode(), 0) >= 0",
}
NETWORK = {
  "socket": "socket.socket() and 1",
  "udp": "socket.socket(socket.AF_INET, socket.SOCK_DGRAM) and 1",
  "unix": "socket.socket(socket.AF_UNIX) and 1",
  "lookup": "socket.getaddrinfo('localhost', 80) and 1",
  "libc.socket": "libc.socket(2, 1, 0) >= 0",
  "libc.socketpair": "libc.socketpair(1, 1, 0, (ctypes.c_int * 2)()) == 0",
}
PROCESSES = {
  "run": "subprocess.run(['true']) and 1",
  "system": "os.system('true') == 0",
  "fork": "(os.fork() or os._exit(0)) and 1",
  "spawn": "os.posix_spawn('/bin/true', ['true'], {{}}) and 1",
  "exec": "os.execv('/bin/true', ['true'])",
  "kill": "os.kill(os.getppid(), 0) is None",
  "multiprocessing": "__import__('multiprocessing').Process().start() is None",
  "libc.fork": "(lambda pid: os._exit(0) if pid == 0 else pid > 0)(libc.fork())",
  "libc.system": "libc.system(b'true') == 0",
  "libc.kill": "libc.kill(os.getppid(), 0) == 0",
  "io_uring": "libc.syscall(425, 1, (ctypes.c_char * 120)()) >= 0",
  "ptrace": "libc.ptrace(0, 0, 0, 0) == 0",
}
LIMITS = {
  "setrlimit": "__import__('resource').setrlimit(9, (-1, -1)) is None",
  "libc.prlimit": "libc.prlimit(0, 9, (ctypes.c_long * 2)(-1, -1), None) == 0",
  "setsid": "libc.setsid() >= 0",
}


@pytest.fixture(scope="module", params=["all", "kernel", "audit"])
def pool(request):
  layers = {
    "all": sandbox_limits.LAYERS,
    "kernel": KERNEL,
    "audit": ("audit",),
  }[request.param]
  with VerifierPool(hostile.evaluate, workers=1, layers=layers) as pool:
    if request.param == "kernel" and pool.isolation != KERNEL:
      pytest.skip("this kernel has no Landlock or no seccomp")
    yield pool


def attempt(pool: VerifierPool, table: dict[str, str], path: object = "") -> list[str]:
  """The names of the attempts that worked."""
  table = {
    name: text
    for name, text in table.items()
    if "seccomp" in pool.isolation or "libc" not in text
  }
  pairs = [(PROBLEM, text.format(path=str(path))) for text in table.values()]
  outcomes = pool.verify(pairs)
  return [name for name, o in zip(table, outcomes, strict=True) if o.score == 1.0]


def test_the_attempts_work_where_nothing_stops_them(tmp_path):
  """Else the tests below would pass for attempts that never worked."""
  file = tmp_path / "file"
  file.write_text("secret")
  with VerifierPool(hostile.evaluate, workers=1, layers=()) as free:
    for name, text in WRITES.items():
      path = tmp_path / uuid.uuid4().hex
      outcome = free.verify([(PROBLEM, text.format(path=str(path)))])[0]
      assert outcome.score == 1.0, (name, outcome)
      assert os.path.lexists(path), name
    for table in (MODES, READS, NETWORK, PROCESSES):
      for name, text in table.items():
        if name == "ptrace":
          continue  # a traced worker would stop instead of ending
        outcome = free.verify([(PROBLEM, text.format(path=str(file)))])[0]
        rare = name in ("io_uring", "exec", "lookup", "multiprocessing")
        assert outcome.score == 1.0 or rare, (name, outcome)


def test_no_file_is_written_or_changed(pool, tmp_path):
  path = tmp_path / "new"
  assert attempt(pool, WRITES, path) == []
  path = tmp_path / "file"
  path.write_text("content")
  before = path.stat()
  assert attempt(pool, {**CHANGES, **MODES}, path) == []
  assert os.listdir(tmp_path) == ["file"]
  assert path.read_text() == "content"
  assert (path.stat().st_mode, path.stat().st_mtime_ns) == (
    before.st_mode,
    before.st_mtime_ns,
  )


def test_its_own_folder_is_no_place_to_write_either(pool):
  assert attempt(pool, WRITES, "here") == []


def test_other_files_are_not_read(pool, tmp_path):
  (tmp_path / "secret").write_text("secret")
  assert attempt(pool, READS, tmp_path / "secret") == []
  assert attempt(pool, READS, "/etc/hosts") == []
  if os.path.exists("/proc/self/environ"):
    assert attempt(pool, READS, f"/proc/{os.getpid()}/environ") == []
  listing = {"listdir": "len(os.listdir({path!r})) > 0"}
  assert attempt(pool, listing, tmp_path) == []


def test_libraries_are_still_read(pool):
  """Modules load lazily, and with their data files."""
  lazy = "__import__('sympy').sympify('1') == 1"
  package = importlib.util.find_spec("reasoning_gym").origin
  data = f"len(open({package!r}).read()) > 9"
  encodings = "'é'.encode('cp437') != b''"
  null = "open(os.devnull, 'w').write('x') == 1"
  noise = "len(open('/dev/urandom', 'rb').read(8)) == 8"
  for text in (lazy, data, encodings, null, noise):
    outcome = pool.verify([(PROBLEM, text)])[0]
    assert outcome.score == 1.0, (text, outcome)


def test_no_network(pool):
  assert attempt(pool, NETWORK) == []


def test_no_processes_and_no_signals_to_others(pool):
  assert attempt(pool, PROCESSES) == []


def test_limits_cannot_be_raised(pool):
  assert attempt(pool, LIMITS) == []


def test_threads_are_allowed(pool):
  """numpy and others start some."""
  text = "[t := threading.Thread(target=print), t.start(), t.join()] and 1"
  assert pool.verify([(PROBLEM, text)])[0].score == 1.0


def test_memory_is_limited(pool):
  if "rlimits" in pool.isolation:
    assert "MemoryError" in pool.verify([(PROBLEM, "bytes(2 * 10**9)")])[0].detail


def test_secrets_in_the_environment_stay_here(monkeypatch):
  monkeypatch.setenv("HF_TOKEN", "secret")
  with VerifierPool(hostile.evaluate, workers=1) as pool:
    text = "'secret' not in str(os.environ) and os.getcwd() == os.environ['HOME']"
    assert pool.verify([(PROBLEM, text)])[0].score == 1.0


def test_seccomp_alone_denies_writes(tmp_path):
  """As on kernels without Landlock, gVisor among them."""
  with VerifierPool(hostile.evaluate, workers=1, layers=("seccomp",)) as pool:
    if pool.isolation != ("seccomp",):
      pytest.skip("no seccomp here")
    assert attempt(pool, WRITES, tmp_path / "new") == []
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_filter_is_a_well_formed_program(machine):
  """Jumps stay inside and it ends in a return; numbers are the headers' own."""
  program = sandbox_limits._program(machine, deny_writes=True)
  for index, (_, if_true, if_false, _) in enumerate(program):
    assert index + 1 + max(if_true, if_false) <= len(program)
  assert program[-1][0] == 0x06
  headers = {
    "x86_64": "/usr/include/x86_64-linux-gnu/asm/unistd_64.h",
    "aarch64": "/usr/include/asm-generic/unistd.h",
  }
  header = pathlib.Path(headers[machine])
  if not header.exists():
    pytest.skip("no kernel headers here")
  known = {}
  for line in header.read_text().splitlines():
    words = line.replace("__NR3264_", "__NR_").split()
    if len(words) >= 3 and words[0] == "#define" and words[1].startswith("__NR_"):
      known.setdefault(words[1].removeprefix("__NR_"), words[2])
  column = sandbox_limits._ARCHITECTURES[machine][0]
  for entry in sandbox_limits._DENIED.replace("\n", "|").strip("|").split("|"):
    fields = entry.split()
    assert known.get(fields[0], fields[column]) == fields[column], fields
  for name, number in sandbox_limits._ARCHITECTURES[machine][2].items():
    assert known[name] == str(number)


def test_what_workers_import_needs_no_jax():
  modules = (
    "jaxrl.problems, jaxrl.sandbox, jaxrl.sandbox_worker, jaxrl.sandbox_limits, "
    "jaxrl.tasks.reasoning_gym, jaxrl.tasks.math_jsonl, jaxrl.tasks.champ, "
    "jaxrl.tasks.token_arithmetic"
  )
  code = f"import sys, {modules}; sys.exit('jax' in sys.modules)"
  root = pathlib.Path(__file__).parents[2]
  assert subprocess.run([sys.executable, "-c", code], cwd=root).returncode == 0
