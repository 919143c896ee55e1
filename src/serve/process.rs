//! The process itself.

/// The resident memory of this process in bytes, where the system tells it.
pub fn memory() -> Option<u64> {
    // proc_pid_status(5): "VmRSS:      1234 kB".
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}
