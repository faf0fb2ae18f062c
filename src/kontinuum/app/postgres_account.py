"""Under which system account the embedded PostgreSQL runs, and that this account reaches its files.

PostgreSQL refuses to run as root. Started by an ordinary user it runs as that user. Started by root it runs
as the owner of an existing data directory, else as the system account `kontinuum`, made when it is missing.
"""

from __future__ import annotations

import os
import pwd
import shutil
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

ACCOUNT = "kontinuum"

# POSIX access control lists as Linux stores them, see acl(5): a version, then (tag, permissions, id) entries.
_ACL = "system.posix_acl_access"
_ACL_VERSION = struct.pack("<I", 2)
_ACL_ENTRY = struct.Struct("<HHI")
_OWNER, _USER, _GROUP, _MASK, _OTHER = 0x01, 0x02, 0x04, 0x10, 0x20
_NO_ID = 0xFFFFFFFF
_SEARCH = 1


class StartError(Exception):
    """A refusal to start; the message says what is wrong, where, and what to do about it."""


@dataclass(frozen=True, slots=True)
class Account:
    """A system account that PostgreSQL is run as; `switch` is whether processes must be moved to it."""

    name: str
    uid: int
    gid: int
    switch: bool

    def process_options(self) -> dict[str, Any]:
        """Give the options with which `subprocess` runs a program as this account."""
        options: dict[str, Any] = {"cwd": "/", "env": {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}}
        if self.switch:
            options |= {"user": self.uid, "group": self.gid, "extra_groups": []}
        return options

    def own(self, path: Path) -> None:
        """Make this account the owner of a file or directory."""
        if self.switch:
            os.chown(path, self.uid, self.gid)

    def own_tree(self, top: Path) -> None:
        """Make this account the owner of a directory and of everything in it."""
        for directory, _, files in os.walk(top):
            for path in (directory, *(os.path.join(directory, file) for file in files)):
                os.chown(path, self.uid, self.gid, follow_symlinks=False)


def account_for(data: Path) -> Account:
    """Choose the account to run PostgreSQL as, for a data directory that may not exist yet.

    Raises `StartError` when the directory belongs to somebody whom this process cannot become.
    """
    me = os.geteuid()
    owner = data.stat().st_uid if data.exists() else me
    if me != 0:
        if owner != me:
            raise StartError(
                f"{data} belongs to the account {_account_name(owner)}, and you are {_account_name(me)}. "
                "Start Kontinuum as that account or as root, or set KONTINUUM_DATA_DIR to another directory."
            )
        return Account(_account_name(me), me, os.getegid(), switch=False)
    entry = _entry(owner) if owner != 0 else _dedicated_entry()
    if entry is None:
        raise StartError(
            f"{data} belongs to the user id {owner}, which has no account on this machine. "
            f"Give it to one: chown -R {ACCOUNT} '{data}'"
        )
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, switch=True)


def open_for_all_users(path: Path) -> IO[bytes]:
    """Open a file for appending that later users of its directory must be able to open as well.

    Made by root in somebody's directory, it is given to that somebody.
    """
    file = open(path, "ab")  # noqa: SIM115 - the caller closes it
    try:
        owner = path.parent.stat()
        if os.geteuid() == 0 and owner.st_uid != 0:
            os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
    except OSError:
        file.close()
        raise
    return file


def let_through(account: Account, directory: Path) -> list[Path]:
    """Let the account pass through every directory above `directory`, and into it; gives what was opened.

    A clone below a home directory such as /root (mode 0700) is closed to other accounts. The account is then
    granted search, and no more, on just the directories that are closed, by an access control list.
    """
    opened: list[Path] = []
    if not account.switch or _can_enter(account, directory):
        return opened
    for ancestor in reversed((directory, *directory.parents)):
        if not _can_enter(account, ancestor):
            _grant_search(account, ancestor)
            opened.append(ancestor)
    if not _can_enter(account, directory):
        raise StartError(
            f"PostgreSQL does not run as root, and the account {account.name} cannot reach {directory}. "
            f"Start Kontinuum as an ordinary user, or set KONTINUUM_DATA_DIR to a directory such as "
            f"/var/lib/kontinuum, or open the way: chmod o+x on every directory above it."
        )
    return opened


def runnable_binaries(account: Account, binaries: Path, copies: Path) -> Path:
    """Give a directory of PostgreSQL programs that the account can run: `binaries`, else a copy of them.

    `binaries` is the `bin` folder of an installation. The copy lies below `copies`; it is needed when root
    installed the programs under a umask that closes them to others.
    """
    if not account.switch or _runs(account, binaries):
        return binaries
    let_through(account, binaries)
    if _runs(account, binaries):
        return binaries
    # The programs find their libraries by a path relative to themselves: the package, and its `.libs`.
    package = binaries.parent.parent
    copy = copies / package.name / binaries.parent.name / binaries.name
    if not _runs(account, copy):
        shutil.rmtree(copies, ignore_errors=True)
        for part in (package, package.with_name(package.name + ".libs")):
            if part.exists():
                shutil.copytree(part, copies / part.name, symlinks=True)
        _open(copies)
    if not _runs(account, copy):
        raise StartError(
            f"The account {account.name} cannot run the PostgreSQL programs, not even from {copy}."
        )
    return copy


def _entry(uid: int) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwuid(uid)
    except KeyError:
        return None


def _account_name(uid: int) -> str:
    entry = _entry(uid)
    return entry.pw_name if entry else f"with user id {uid}"


def _dedicated_entry() -> pwd.struct_passwd:
    makers = (
        ["useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", ACCOUNT],
        ["adduser", "-S", "-D", "-H", "-h", "/nonexistent", ACCOUNT],
    )
    for maker in ([], *makers):
        if maker and shutil.which(maker[0], path="/usr/sbin:/sbin:/usr/bin:/bin"):
            path = {"PATH": "/usr/sbin:/sbin:/usr/bin:/bin"}
            subprocess.run(maker, check=False, capture_output=True, env=path)
        try:
            return pwd.getpwnam(ACCOUNT)
        except KeyError:
            continue
    raise StartError(
        f"PostgreSQL does not run as root, and the account {ACCOUNT} could not be made. "
        f"Make it (useradd --system {ACCOUNT}), or start Kontinuum as an ordinary user."
    )


def _can_enter(account: Account, directory: Path) -> bool:
    command = ["/bin/sh", "-c", 'cd -- "$1" 2>/dev/null', "sh", str(directory)]
    return subprocess.run(command, check=False, **account.process_options()).returncode == 0


# A program, a program that loads a shared library, and a data file: each may be closed for itself.
_TRIAL = '"$1"/postgres --version && "$1"/initdb --version && cat "$1"/../share/postgres.bki'


def _runs(account: Account, binaries: Path) -> bool:
    tried = subprocess.run(
        ["/bin/sh", "-c", _TRIAL, "sh", str(binaries)],
        check=False,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        **account.process_options(),
    )
    return tried.returncode == 0


def _open(top: Path) -> None:
    """Let every account read what lies in a directory, and run what its owner can run."""
    for directory, _, files in os.walk(top):
        for path in (directory, *(os.path.join(directory, file) for file in files)):
            mode = os.stat(path).st_mode
            os.chmod(path, mode | 0o444 | (0o111 if mode & 0o100 else 0))


def _grant_search(account: Account, directory: Path) -> None:
    if not hasattr(os, "setxattr"):
        return
    mode = directory.stat().st_mode
    try:
        stored = os.getxattr(directory, _ACL)
    except OSError:
        stored = b""
    if stored:
        entries = [_ACL_ENTRY.unpack_from(stored, at) for at in range(4, len(stored), _ACL_ENTRY.size)]
    else:
        group = (mode >> 3) & 7
        entries = [(_OWNER, (mode >> 6) & 7, _NO_ID), (_GROUP, group, _NO_ID), (_MASK, group, _NO_ID)]
        entries.append((_OTHER, mode & 7, _NO_ID))
    entries = [entry for entry in entries if (entry[0], entry[2]) != (_USER, account.uid)]
    # The mask caps what named users get, so it must let search through.
    entries = [(tag, bits | _SEARCH if tag == _MASK else bits, who) for tag, bits, who in entries]
    entries.append((_USER, _SEARCH, account.uid))
    entries.sort(key=lambda entry: (entry[0], entry[2]))
    try:
        os.setxattr(directory, _ACL, _ACL_VERSION + b"".join(_ACL_ENTRY.pack(*entry) for entry in entries))
    except OSError:
        # A file system without access control lists; the caller sees that the way is still closed.
        return
