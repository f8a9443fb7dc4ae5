"""The README, the examples and the list of behaviors are correct."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Callable, List, Set

import pytest

import bitsup
from support import LONG

PACKAGE = Path(__file__).resolve().parents[1]
CHECKOUT = PACKAGE.parents[1]
EXAMPLES = CHECKOUT / "examples" / "python"
README = (PACKAGE / "README.md").read_text(encoding="utf-8")

Serve = Callable[..., bitsup.Server]


def snippets(language: str, document: str = README) -> List[str]:
    return re.findall(rf"```{language}\n(.*?)```", document, re.DOTALL)


def environment() -> "dict[str, str]":
    return {**os.environ, "PYTHONPATH": str(PACKAGE)}


def test_every_python_snippet_of_the_readme_runs(tmp_path: Path, root: Path, serve: Serve) -> None:
    (root / "checked").mkdir()
    server = serve(on_received=lambda _upload, verdict: verdict.reply(b"checked"))
    (tmp_path / "incoming").mkdir()
    (tmp_path / "embedded").mkdir()
    (tmp_path / "report.pdf").write_bytes(bytes(1000))
    code = "\n".join(snippets("python")).replace("http://127.0.0.1:8080/", server.url)
    assert code.count(server.url) == 6
    # The embedded server uses a free port.
    code = code.replace("127.0.0.1:8081", "127.0.0.1:0")
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=LONG
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert sorted(path.name for path in root.iterdir() if path.is_file()) == ["aio.bin", "bytes.bin", "log.bin", "report.pdf", "secret.bin"]
    assert (root / "checked" / "report.pdf").exists() and (tmp_path / "incoming" / "report.pdf").exists()
    assert (tmp_path / "reply.txt").read_bytes() == b"thank you"
    assert ended.stdout.startswith("1000 bytes\n1000 of 1000\n")


def test_the_python_snippet_of_the_main_readme_runs(tmp_path: Path, root: Path, server: bitsup.Server) -> None:
    (tmp_path / "photo.raw").write_bytes(b"photo")
    (code,) = snippets("python", (CHECKOUT / "README.md").read_text(encoding="utf-8"))
    code = code.replace("http://127.0.0.1:8080/", server.url)
    command = [sys.executable, "-c", code]
    ended = subprocess.run(command, cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=LONG)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "5 of 5\n", "")
    assert (root / "photo.raw").read_bytes() == b"photo"


def test_the_commands_of_the_readme_are_tested() -> None:
    """The first is run by test_install, the second by tests/project/bindings.rs, the third runs this test."""
    assert snippets("sh") == ["pip install ./bindings/python\n", "bindings/generate.py\n", "tools/python-tests -v\n"]
    assert os.access(CHECKOUT / "tools" / "python-tests", os.X_OK)


def test_the_links_of_the_readme_are_valid() -> None:
    targets = re.findall(r"\]\(([^)#:]+)\)", README)
    assert len(targets) > 1
    assert [target for target in targets if not (PACKAGE / target).exists()] == []


def example(name: str, *arguments: object) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, str(EXAMPLES / name), *map(str, arguments)],
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def output_of(child: "subprocess.Popen[str]", status: int = 0) -> str:
    """Waits for an example to exit with this status, and returns what it printed."""
    with child:
        out, err = child.communicate(timeout=LONG)
    assert child.returncode == status, err
    return out if status == 0 else out + err


def test_the_example_server_receives_files_from_the_example_upload(root: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(100_000))
    server = example("serve.py", root)
    assert server.stdout is not None
    url = server.stdout.readline().split()[-1]
    with example("upload.py", tmp_path / "file", f"{url}a") as upload:
        out, bar = upload.communicate(timeout=LONG)
    assert (upload.returncode, out) == (0, f"uploaded 100000 bytes to {url}a\n")
    assert "100k/100k" in bar
    assert "403" in output_of(example("upload.py", tmp_path / "file", f"{url}a.exe"), 1)
    assert "sent /a, 100000 bytes" in output_of(server)
    assert (root / "a").stat().st_size == 100_000


def test_the_example_resume_resumes_after_ctrl_c(serve: Serve, root: Path, tmp_path: Path) -> None:
    interrupt: List[bool] = [True]

    def on_progress(_upload: bitsup.Upload) -> None:
        if interrupt:
            interrupt.clear()
            child.send_signal(signal.SIGINT)

    server = serve(on_progress=on_progress)
    (tmp_path / "file").write_bytes(os.urandom(30_000_000))
    arguments = (tmp_path / "file", f"{server.url}a", tmp_path / "state")
    child = example("resume.py", *arguments)
    assert re.search(r"stopped at \d+ of 30000000 bytes", output_of(child, 130))
    assert (tmp_path / "state").exists()
    assert output_of(example("resume.py", *arguments)) == "delivered 30000000 bytes\n"
    assert (root / "a").read_bytes() == (tmp_path / "file").read_bytes()


def test_the_example_reply_prints_the_checksum_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"abc")
    output = output_of(example("reply.py", tmp_path / "file"))
    assert output == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\n"


def test_the_example_embed_receives_files_and_serves_its_page(root: Path) -> None:
    server = example("embed.py", root)
    assert server.stdout is not None
    url = server.stdout.readline().split()[-1]
    content = os.urandom(2_000_000)
    bitsup.upload(content, f"{url}a")
    assert (root / "a").read_bytes() == content
    with urllib.request.urlopen(url, timeout=LONG) as page:
        assert page.read() == b"This server receives uploads with BITS.\n"
    server.send_signal(signal.SIGTERM)
    assert output_of(server) == ""


@pytest.mark.parametrize("name", sorted(path.name for path in EXAMPLES.glob("*.py")))
def test_an_example_without_arguments_prints_its_usage(name: str) -> None:
    assert f"{name} " in output_of(example(name), 2)


def test_the_tests_show_exactly_the_listed_behaviors() -> None:
    listed = re.findall(r"^\| (B-[A-Z]+-\d+) \|", (PACKAGE.parent / "behaviour.md").read_text("utf-8"), re.MULTILINE)
    shown: Set[str] = set()
    for file in Path(__file__).parent.glob("test_*.py"):
        for ids in re.findall(r"mark\.behaviour\((.*?)\)", file.read_text("utf-8")):
            shown.update(re.findall(r'"(B-[A-Z]+-\d+)"', ids))
    assert len(listed) == len(set(listed)) > 20
    assert shown == set(listed)


def test_no_file_is_longer_than_400_lines() -> None:
    written = [path for path in PACKAGE.parent.glob("**/*.py") if path.name != "_raw.py"]
    assert len(written) > 20
    for path in written:
        assert len(path.read_text("utf-8").splitlines()) <= 400, path
