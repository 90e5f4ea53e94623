"""Tracking for real: child processes, a fresh database, servers that refuse, processes that die."""

import contextlib
import http.server
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from folder_maker import make_folder

from personaloom.errors import TrackingError
from personaloom.manifest_file import read_manifest
from personaloom.tracking import (
    MlflowTracker,
    StoreSpec,
    TrackingWorker,
    write_report,
)

pytestmark = pytest.mark.slow
TOKEN = "tok-0123456789-abcdef"
LEVELS = ("none", "light", "moderate", "heavy")


@pytest.fixture(scope="module")
def worker():
    """One child for the tests that need no fresh one, with a server's token in its environment."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_TOKEN", TOKEN)
        patch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        with TrackingWorker() as shared:
            yield shared


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    """Four processes meet a fresh database at the same moment, each with a dataset of one sweep."""
    root = tmp_path_factory.mktemp("sweep with a blank")
    folders = []
    for job, level in enumerate(LEVELS):
        marks = {"id": "sweep-1", "job": job, "overrides": [f"distractor={level}"]}
        folders.append(make_folder(root, 3, 2, name=f"SIM-{level}", sweep=marks))
        write_report(folders[-1])
    limits = [{"samples_rows": 4, "max_artifact_mb": 0.003}, {}, {}, {}]
    trackers = [MlflowTracker(root / "out", "chat", **limit) for limit in limits]
    with ThreadPoolExecutor(4) as pool:
        refs = list(pool.map(lambda pair: pair[0].upload(pair[1]), zip(trackers, folders, strict=True)))
    for tracker in trackers:
        tracker.close()
    return root / "out", folders, refs


def rows(out: Path, query: str, *values: str) -> list[tuple]:
    with contextlib.closing(sqlite3.connect(out / "mlflow.db")) as database:
        return database.execute(query, values).fetchall()


def artifacts(out: Path, run_id: str) -> Path:
    return out / "mlartifacts" / run_id / "artifacts"


def test_four_processes_and_a_fresh_database_lose_no_run(sweep):
    out, _, refs = sweep
    runs = rows(out, "select name, status from runs order by name")
    assert runs == sorted((f"SIM-distractor={level}", "FINISHED") for level in LEVELS)
    assert len({ref.experiment_id for ref in refs}) == 1
    assert "mlflow" not in sys.modules


def test_a_run_holds_params_metrics_tags_and_its_input(sweep):
    out, folders, refs = sweep
    run_id, manifest = refs[3].run_id, read_manifest(folders[3])
    params = dict(rows(out, "select key, value from params where run_uuid = ?", run_id))
    assert (params["llm.max_tokens"], params["distractor.layers"]) == ("256", "[0.5, 0.3, 0.2]")
    metrics = dict(rows(out, "select key, value from latest_metrics where run_uuid = ?", run_id))
    assert metrics["dataset/samples"] == 6
    assert {
        "noise/applied_rate",
        "tokens/total",
        "cost/paid_usd_per_1000_samples",
        "failures/share",
    } <= metrics.keys()
    tags = dict(rows(out, "select key, value from tags where run_uuid = ?", run_id))
    assert (tags["sweep_id"], tags["sweep_job"], tags["fingerprint"]) == (
        "sweep-1",
        "3",
        manifest["fingerprint"],
    )
    assert tags["dataset_dir"] == str(folders[3])
    assert (params["name"], tags["simulated"]) == ("SIM-heavy", "true")
    datasets = dict(rows(out, "select name, digest from datasets"))
    assert datasets["SIM-heavy"] == manifest["fingerprint"][:36]


def test_artifacts_lie_where_the_page_looks_for_them(sweep):
    out, _, refs = sweep
    place = artifacts(out, refs[3].run_id)
    names = {path.name for path in place.iterdir()}
    assert {"samples.json", "report.html", "manifest.json", "config", "data"} <= names
    assert {f"figure_{name}.png" for name in ("turns", "tokens", "noise", "personas")} <= names
    table = json.loads((place / "samples.json").read_text())
    assert table["columns"][:2] == ["sample_id", "conversation"]
    assert [row[0] for row in table["data"]] == [f"p00000{i}-q0{j}" for i in range(3) for j in range(2)]


def test_what_was_cut_is_said(sweep):
    out, folders, refs = sweep
    place = artifacts(out, refs[0].run_id)
    whole = (folders[0] / "interactions.jsonl").read_bytes()
    part = (place / "data" / "interactions.first.jsonl").read_bytes()
    assert len(part) <= 0.003 * 1024 * 1024
    assert whole.startswith(part)
    assert (place / "manifest.json").exists()
    assert not (place / "report.html").exists()
    assert any("report.html" in note and "not uploaded" in note for note in refs[0].notes)
    assert any("samples.json: the first 4 of 6" in note for note in refs[0].notes)
    assert any("interactions.jsonl" in note and "first" in note for note in refs[0].notes)
    assert rows(out, "select value from tags where key = 'cut' and run_uuid = ?", refs[0].run_id)


def test_the_same_dataset_goes_on_in_its_run(sweep, worker, tmp_path):
    """Grown or copied, it keeps its run; what cannot be changed in MLflow is said in a tag; nothing is doubled."""
    out, folders, refs = sweep
    manifest = read_manifest(folders[1])
    manifest["config"]["num_personas"] = 20
    manifest["tracking"]["run_id"] = refs[1].run_id
    manifest["counts"]["samples"] = 7
    (folders[1] / "manifest.json").write_text(json.dumps(manifest))
    tracker = MlflowTracker(out, "chat", worker=worker)
    copied = shutil.copytree(folders[1], tmp_path / "copy")
    ref = tracker.upload(copied)
    assert ref.run_id == refs[1].run_id
    assert any(f"named the folder {folders[1]} (a copy of this dataset)" in note for note in ref.notes)
    assert rows(out, "select value from tags where key = 'dataset_dir' and run_uuid = ?", ref.run_id) == [
        (str(copied),)
    ]
    assert rows(out, "select count(*) from runs") == [(4,)]
    changed = rows(out, "select value from tags where key = 'changed_params' and run_uuid = ?", refs[1].run_id)
    assert changed == [("num_personas=20",)]
    samples = "select value from latest_metrics where key = 'dataset/samples' and run_uuid = ?"
    assert rows(out, samples, refs[1].run_id) == [(7.0,)]
    assert len(json.loads((artifacts(out, refs[1].run_id) / "samples.json").read_text())["data"]) == 6
    assert (artifacts(out, refs[1].run_id) / "report.html").exists()


def test_artifacts_that_cannot_be_written_fail_the_run_and_not_the_dataset(sweep, worker, tmp_path):
    (tmp_path / "file").write_text("no folder")
    blocked = (tmp_path / "file" / "artifacts").as_uri()
    tracker = MlflowTracker(sweep[0], "blocked", artifact_location=blocked, worker=worker)
    folder = make_folder(tmp_path)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(TrackingError, match="Not a directory"):
        tracker.upload(folder)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    query = "select r.status from runs r join experiments e using (experiment_id) where e.name = 'blocked'"
    assert rows(sweep[0], query) == [("FAILED",)]


def test_a_server_that_cannot_be_reached_is_a_tracking_error(worker, tmp_path):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        tracker = MlflowTracker(tmp_path, "chat", uri=f"http://127.0.0.1:{port}", worker=worker)
        tracker.begin()
        with pytest.raises(TrackingError, match=rf"http://127.0.0.1:{port} cannot be reached: .*refused"):
            tracker.upload(make_folder(tmp_path))
    tracker.close()


def test_a_token_reaches_the_server_and_nothing_else(worker, tmp_path):
    """The server echoes the token in its refusal; the error does not."""
    seen = []

    class Refusing(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            seen.append(self.headers.get("Authorization"))
            body = json.dumps({"error_code": "UNAUTHENTICATED", "message": f"no such token: {TOKEN}"}).encode()
            self.send_response(401)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815 - the name that http.server calls

        def log_message(self, *arguments):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            tracker = MlflowTracker(tmp_path, "chat", uri=f"http://127.0.0.1:{server.server_port}", worker=worker)
            folder = make_folder(tmp_path)
            with pytest.raises(TrackingError) as caught:
                tracker.upload(folder)
        finally:
            server.shutdown()
            thread.join()
    assert f"Bearer {TOKEN}" in seen
    assert "no such token" in str(caught.value)
    assert TOKEN not in str(caught.value)


def test_a_killed_child_is_an_error_and_the_next_request_has_a_new_one(worker, sweep):
    """A child killed while idle is replaced unnoticed; killed at work, its request fails with the reason."""
    store = StoreSpec.resolve(sweep[0], "chat")
    worker.call("prepare", store)
    first = worker._child.process
    first.kill()
    first.wait(10)
    late = worker.submit("prepare", store)
    assert worker.pid not in (None, first.pid)
    os.kill(worker.pid, signal.SIGKILL)
    with pytest.raises(TrackingError, match=r"ended \(exit code -9\)"):
        late.result(30)


def test_a_child_that_does_not_answer_in_time_is_ended(tmp_path):
    with TrackingWorker(timeout=0.05) as impatient:
        future = impatient.submit("prepare", StoreSpec.resolve(tmp_path, "chat"))
        process = impatient._child.process
        with pytest.raises(TrackingError, match=r"within 0.05 s"):
            impatient.wait(future, "prepare")
        assert process.poll() is not None
    with pytest.raises(TrackingError, match="closed"):
        impatient.submit("prepare", StoreSpec.resolve(tmp_path, "chat"))


def test_the_child_goes_with_its_parent_and_the_run_does_not_stay_open(sweep, tmp_path):
    out, _, _ = sweep
    folder = make_folder(tmp_path, name="SIM-orphan")
    code = f"""
import json, os
from pathlib import Path
from personaloom.tracking import MlflowTracker
manifest = json.loads(Path({str(folder / "manifest.json")!r}).read_text())
tracker = MlflowTracker({str(out)!r}, "orphans")
tracker.start_run(manifest, {{}})
print(tracker._worker.pid, flush=True)
os._exit(9)
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert said.returncode == 9, said.stderr
    status = "select status from runs where name = 'SIM-orphan'"
    deadline = time.monotonic() + 30
    while rows(out, status) != [("KILLED",)] and time.monotonic() < deadline:
        time.sleep(0.05)
    assert rows(out, status) == [("KILLED",)]
    while _alive(int(said.stdout)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _alive(int(said.stdout))


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
