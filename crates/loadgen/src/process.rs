//! What a process has used so far, read from `/proc`.

use std::fs;
use std::io;

/// The ticks of `/proc/PID/stat` in a second: part of the kernel's interface (`USER_HZ`).
const TICKS_PER_S: f64 = 100.0;

/// All threads together, ended ones included.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Usage {
    pub(crate) user_s: f64,
    pub(crate) system_s: f64,
    pub(crate) rss_bytes: u64,
    pub(crate) rss_peak_bytes: u64,
}

impl Usage {
    pub(crate) fn of(pid: u32) -> io::Result<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        parse(&stat, &status).ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::InvalidData,
                format!("/proc/{pid}: not understood"),
            )
        })
    }

    pub(crate) fn cpu_s(&self) -> f64 {
        self.user_s + self.system_s
    }
}

fn parse(stat: &str, status: &str) -> Option<Usage> {
    // The name of the process may hold spaces and brackets: fields are counted after its end.
    let mut fields = stat
        .get(stat.rfind(')')? + 1..)?
        .split_ascii_whitespace()
        .skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    let kib = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_ascii_whitespace().next()?.parse::<u64>().ok()
    };
    Some(Usage {
        user_s: user / TICKS_PER_S,
        system_s: system / TICKS_PER_S,
        rss_bytes: kib("VmRSS:")? * 1024,
        rss_peak_bytes: kib("VmHWM:")? * 1024,
    })
}

#[cfg(test)]
mod tests {
    use super::{Usage, parse};

    #[test]
    fn the_usage_of_this_process_grows_with_its_work() {
        let pid = std::process::id();
        let before = Usage::of(pid).expect("this process");
        let mut number = 1u64;
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
        loop {
            (0..10_000_000u64).for_each(|step| number = number.rotate_left(7) ^ step);
            std::hint::black_box(number);
            let after = Usage::of(pid).expect("this process");
            if after.cpu_s() > before.cpu_s() {
                assert!(after.rss_bytes > 0 && after.rss_peak_bytes >= after.rss_bytes);
                return;
            }
            assert!(
                std::time::Instant::now() < deadline,
                "no CPU time was counted"
            );
        }
    }

    #[test]
    fn a_name_with_brackets_and_spaces_does_not_shift_the_fields() {
        let stat = "7 (a) b) (c) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20";
        let status = "Name:\ta\nVmHWM:\t   8 kB\nVmRSS:\t   4 kB\n";
        let usage = parse(stat, status).expect("valid");
        let expected = Usage {
            user_s: 2.5,
            system_s: 0.5,
            rss_bytes: 4096,
            rss_peak_bytes: 8192,
        };
        assert_eq!(usage, expected);
        assert_eq!(parse("", ""), None);
    }
}
