//! Syncs that fail: `strace` answers one sync of a running process with an error, and the sync is not
//! done. Only one: a process that goes on as if the next sync made up for it is what is looked for.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal};

use crate::processes::{patience, reaper};

/// The calls that make files durable. The log and the small files use `fdatasync`, folders `fsync`.
const SYNCS: &str = "fsync,fdatasync";
/// How long attaching may take.
const ATTACH_BOUND: Duration = Duration::from_secs(20);

/// Refuses when processes can not be traced here.
///
/// # Errors
/// When `strace` is missing or may not trace.
pub(super) fn check() -> Result<(), String> {
    const WITHOUT: &str = "leave sync-error out of --faults to go without";
    let tried = Command::new("strace").args(["-qq", "-o", "/dev/null", "-e", "trace=none", "true"]).output();
    match tried {
        Err(error) => Err(format!(
            "fault sync-error: strace can not be started: {error}. It is the Debian package strace; {WITHOUT}"
        )),
        Ok(output) if !output.status.success() => Err(format!(
            "fault sync-error: strace can not trace here: {}. It takes the right to trace (CAP_SYS_PTRACE); {WITHOUT}",
            String::from_utf8_lossy(&output.stderr).trim()
        )),
        Ok(_) => Ok(()),
    }
}

/// A process one of whose syncs is going to fail.
#[derive(Debug)]
pub(super) struct Injection {
    strace: Child,
    log: PathBuf,
}

impl Injection {
    /// Attaches to a process, so that the `nth` sync from now on fails in each of its threads; `log` tells
    /// what failed. Returns when it is attached.
    ///
    /// # Errors
    /// When it can not be attached.
    pub(super) async fn attach(pid: u32, nth: u64, log: &Path) -> Result<Self, String> {
        // The log of an earlier one would be taken for this one's.
        let _ = fs::remove_file(log);
        let strace = Command::new("strace")
            .args(["-f", "-qq", "-p", &pid.to_string(), "-e", &format!("trace={SYNCS}")])
            .args(["-e", &format!("inject={SYNCS}:error=EIO:when={nth}"), "-o"])
            .arg(log)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("strace can not be started: {error}"))?;
        reaper::born(strace.id());
        let injection = Self { strace, log: log.into() };
        let traced = patience::asked(&format!("process {pid} is traced"), ATTACH_BOUND, async || {
            let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
            let tracer = status.lines().find_map(|line| line.strip_prefix("TracerPid:")).unwrap_or_default();
            if matches!(tracer.trim(), "" | "0") { Err("nobody traces it") } else { Ok(()) }
        })
        .await;
        traced.map(|()| injection)
    }

    /// How many syncs failed.
    #[must_use]
    pub(super) fn injected(&self) -> usize {
        fs::read_to_string(&self.log).unwrap_or_default().matches("(INJECTED)").count()
    }
}

impl Drop for Injection {
    fn drop(&mut self) {
        // Asked, it lets the process go; it has ended already when the process has.
        if self.strace.try_wait().is_ok_and(|ended| ended.is_none()) {
            let _ = rustix::process::kill_process(Pid::from_child(&self.strace), Signal::INT);
        }
        let _ = self.strace.wait();
        reaper::dead(self.strace.id());
    }
}
