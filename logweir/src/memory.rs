//! How much of the memory that we may have is in use: of the container's, where it has a limit, else
//! of the machine's.

use std::fs;

/// From where it is critical, as in Logflare.
const CRITICAL: f64 = 0.95;

/// `ok` or `critical`; `ok` too where the system does not say.
pub(crate) fn utilization() -> &'static str {
    match share_in_use() {
        Some(share) if share >= CRITICAL => "critical",
        _ => "ok",
    }
}

fn share_in_use() -> Option<f64> {
    let read = |path: &str| fs::read_to_string(path).ok();
    let container = || {
        let folder = "/sys/fs/cgroup/memory";
        let [max, current, stat] =
            ["max", "current", "stat"].map(|name| read(&format!("{folder}.{name}")));
        of_container(&max?, &current?, &stat?)
    };
    container().or_else(|| of_machine(&read("/proc/meminfo")?))
}

/// Files that are only cached are given back at once where memory is short.
fn of_container(max: &str, current: &str, stat: &str) -> Option<f64> {
    let max: u64 = max.trim().parse().ok()?;
    let current: u64 = current.trim().parse().ok()?;
    let cached = stat.lines().find_map(|line| line.strip_prefix("inactive_file "));
    let cached: u64 = cached.and_then(|bytes| bytes.trim().parse().ok()).unwrap_or(0);
    share(current.saturating_sub(cached), max)
}

fn of_machine(meminfo: &str) -> Option<f64> {
    let kilobytes = |name: &str| -> Option<u64> {
        let value = meminfo.lines().find_map(|line| line.strip_prefix(name))?;
        value.trim().strip_suffix(" kB")?.trim().parse().ok()
    };
    let total = kilobytes("MemTotal:")?;
    share(total.saturating_sub(kilobytes("MemAvailable:")?), total)
}

fn share(used: u64, of: u64) -> Option<f64> {
    (of > 0).then(|| used as f64 / of as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_only_cached_is_not_in_use() {
        let stat = "anon 500\ninactive_file 300\nactive_file 7\n";
        assert_eq!(of_container("1000\n", "800\n", stat), Some(0.5));
        assert_eq!(of_container("1000\n", "800\n", ""), Some(0.8));
        assert_eq!(of_container("max\n", "800\n", stat), None);
        let meminfo = "MemTotal:        1000 kB\nMemFree:  10 kB\nMemAvailable:     250 kB\n";
        assert_eq!(of_machine(meminfo), Some(0.75));
        assert_eq!(of_machine("MemTotal: 1000 kB"), None);
        assert_eq!(of_machine(""), None);
    }
}
