//! Nothing outlives this process: when it ends, however it ends, its children end, its file systems are
//! unmounted and its folders go.
//!
//! Statics are never dropped and a killed process drops nothing, so a small shell waits at the other
//! end of a pipe. The pipe closes with the process; the shell then ends the processes still on its
//! list, by number, lets go of the mounts and removes the folders.

use std::io::Write;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{LazyLock, Mutex};

const SCRIPT: &str = r#"
trap '' INT TERM HUP PIPE
pids=' '
mounts=''
while read -r verb what; do
    case $verb in
        born) pids="$pids$what " ;;
        dead) case $pids in *" $what "*) pids="${pids%% $what *} ${pids#* $what }" ;; esac ;;
        mount) mounts="$mounts$what
" ;;
        folder) set -- "$@" "$what" ;;
    esac
done
for pid in $pids; do kill -9 "$pid" 2>/dev/null; done
sleep 0.2
printf %s "$mounts" | while read -r mount; do umount -l "$mount" 2>/dev/null; done
[ $# -eq 0 ] || rm -rf -- "$@"
"#;

struct Reaper {
    _shell: Child,
    orders: ChildStdin,
}

static REAPER: LazyLock<Mutex<Reaper>> = LazyLock::new(|| {
    let mut shell = Command::new("sh")
        .args(["-c", SCRIPT])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("sh starts");
    let orders = shell.stdin.take().expect("piped above");
    Mutex::new(Reaper { _shell: shell, orders })
});

fn tell(order: &str) {
    let mut reaper = REAPER.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    // A reaper that is gone means that this process is being ended as well.
    let _ = reaper.orders.write_all(order.as_bytes());
}

/// A process to end when this one ends.
pub fn born(pid: u32) {
    tell(&format!("born {pid}\n"));
}

/// A process that has ended and was waited for; its number may be given to another.
pub fn dead(pid: u32) {
    tell(&format!("dead {pid}\n"));
}

/// A file system to unmount when this process ends; one that was unmounted before does no harm.
pub fn mount(path: &Path) {
    tell(&format!("mount {}\n", path.display()));
}

/// A folder to remove when this process ends.
pub fn folder(path: &Path) {
    tell(&format!("folder {}\n", path.display()));
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};
    use std::time::{Duration, Instant};

    use super::SCRIPT;

    /// The children are shells' sleeps: one told dead and one not; only the latter is ended.
    #[test]
    fn ends_what_is_left_and_nothing_else() {
        let sleeper = || Command::new("sleep").arg("60").spawn().expect("sleep starts");
        let (mut left, mut told_dead, mut also_left) = (sleeper(), sleeper(), sleeper());
        let folder = tempfile::tempdir().expect("a folder").keep();
        let mut shell = Command::new("sh").args(["-c", SCRIPT]).stdin(Stdio::piped()).spawn().expect("sh starts");
        let orders = format!(
            "born {}\nborn {}\nborn {}\nfolder {}\ndead {}\n",
            left.id(),
            told_dead.id(),
            also_left.id(),
            folder.display(),
            told_dead.id()
        );
        std::io::Write::write_all(&mut shell.stdin.take().expect("piped"), orders.as_bytes()).expect("it reads");
        shell.wait().expect("it ends with its input");
        let begun = Instant::now();
        for child in [&mut left, &mut also_left] {
            while child.try_wait().expect("a child").is_none() {
                assert!(begun.elapsed() < Duration::from_secs(10), "still there");
                std::thread::yield_now();
            }
        }
        assert!(!folder.exists());
        assert!(told_dead.try_wait().expect("a child").is_none(), "ended although it was told dead");
        told_dead.kill().expect("ours");
        told_dead.wait().expect("ended");
    }
}
