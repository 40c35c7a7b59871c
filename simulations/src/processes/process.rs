//! One child process: started, ended hard or softly, frozen, started again.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use rustix::process::{Pid, Signal};

use super::{patience, reaper};

/// Lines of a log shown when something goes wrong.
const LOG_LINES_SHOWN: usize = 40;

/// A program with its arguments that can be started and ended again and again. Signals go to the
/// child's own number and only while it has not been waited for, so they reach no one else.
#[derive(Debug)]
pub struct Process {
    name: String,
    program: PathBuf,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    log: PathBuf,
    /// Another program than the usual one.
    installed: Mutex<Option<PathBuf>>,
    child: Mutex<Option<Child>>,
}

impl Process {
    /// A program with these arguments; everything it prints goes to `log`. Not started yet.
    #[must_use]
    pub fn new(name: &str, program: &Path, arguments: &[&str], log: &Path) -> Self {
        Self {
            name: name.into(),
            program: program.into(),
            arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(),
            environment: vec![("RUST_BACKTRACE".into(), "1".into())],
            log: log.into(),
            installed: Mutex::new(None),
            child: Mutex::new(None),
        }
    }

    /// What it is called in messages.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Takes another program from the next start on; `None` for the usual one.
    pub fn install(&self, program: Option<&Path>) {
        *self.installed.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = program.map(Path::to_path_buf);
    }

    /// Starts it.
    ///
    /// # Panics
    /// When it runs already or can not be started.
    pub fn start(&self) {
        let mut child = self.lock();
        assert!(child.is_none(), "{} runs already", self.name);
        let log = self.open_log();
        let installed = self.installed.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        let started = Command::new(installed.as_deref().unwrap_or(&self.program))
            .args(&self.arguments)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a second handle of the log"))
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("{} can not be started: {error}", self.name));
        reaper::born(started.id());
        *child = Some(started);
    }

    /// SIGKILL: it ends at once, in the middle of whatever it does.
    ///
    /// # Panics
    /// When it does not run.
    pub fn kill(&self) {
        let mut child = self.lock().take().unwrap_or_else(|| panic!("{} does not run", self.name));
        child.kill().expect("a child of ours can be ended");
        child.wait().expect("it has ended");
        reaper::dead(child.id());
    }

    /// SIGTERM: it is asked to end.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// SIGSTOP: it stands still, with its connections open.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// SIGCONT: it goes on.
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    /// True while it runs.
    #[must_use]
    pub fn runs(&self) -> bool {
        let mut child = self.lock();
        child.as_mut().is_some_and(|child| child.try_wait().is_ok_and(|ended| ended.is_none()))
    }

    /// Its number in the system, while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.lock().as_ref().map(Child::id)
    }

    /// Waits until it has ended by itself.
    ///
    /// # Panics
    /// When it has not within `bound`.
    pub async fn ended(&self, bound: Duration) -> ExitStatus {
        let status = patience::until(&format!("{} ends", self.name), bound, async || {
            let mut child = self.lock();
            let running = child.as_mut().ok_or("it was not started")?;
            running.try_wait().map_err(|_| "it can not be waited for")?.ok_or("it still runs")
        })
        .await;
        if let Some(child) = self.lock().take() {
            reaper::dead(child.id());
        }
        status
    }

    /// Everything it has printed.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// The end of its log, for a failure's message.
    #[must_use]
    pub fn log_tail(&self) -> String {
        let log = self.log();
        let lines: Vec<_> = log.lines().collect();
        let shown = &lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..];
        format!("--- {} ({}), last lines:\n{}\n", self.name, self.log.display(), shown.join("\n"))
    }

    fn signal(&self, signal: Signal) {
        let child = self.lock();
        let running = child.as_ref().unwrap_or_else(|| panic!("{} does not run", self.name));
        rustix::process::kill_process(Pid::from_child(running), signal).expect("a child of ours can be signalled");
    }

    fn open_log(&self) -> File {
        let open = OpenOptions::new().create(true).append(true).open(&self.log);
        open.unwrap_or_else(|error| panic!("{} can not be written: {error}", self.log.display()))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Child>> {
        self.child.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.lock().is_some() {
            self.kill();
        }
    }
}
