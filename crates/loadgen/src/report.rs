//! The result of a run as JSON. Figures that nothing was counted for are `null`.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::meter::Meter;
use crate::options::{Command, Options};

pub(crate) fn report(options: &Options, target: SocketAddr, meter: &Meter) -> Value {
    let seconds = meter.measured_ns as f64 / 1e9;
    let tally = &meter.tally;
    let answers = tally.answers();
    let is_udp = options.command == Command::Udp;
    let mut report = json!({
        "protocol": if is_udp { "udp" } else { "http" },
        "loop": if options.rate.is_some() { "open" } else { "closed" },
        "target": target,
        "load": load(options),
        "seconds": seconds,
        "sent": tally.sent,
        "answers": {
            "all": answers,
            "connect": tally.connects,
            "announce": tally.announces,
            "scrape": tally.scrapes,
            "failure": tally.failures,
            "invalid": tally.invalid,
        },
        "lost": tally.lost,
        "late": tally.late,
        "reopened": tally.reopened,
        "answers_per_second": answers as f64 / seconds,
        "peers_per_announce": tally.peers as f64 / tally.announces as f64,
        "bytes_per_answer": tally.bytes as f64 / answers as f64,
        "latency_us": latency(meter),
        "generator_cpu_seconds": meter.own[1].cpu_s() - meter.own[0].cpu_s(),
    });
    if let Some(text) = &meter.failure_text {
        report["failure"] = json!(text);
    }
    if let Some(cpu_s) = meter.server_cpu_s() {
        report["server"] = server(meter, cpu_s, seconds);
    }
    report
}

fn load(options: &Options) -> Value {
    let profile = &options.profile;
    let mut load = json!({
        "profile": profile.name,
        "torrents": profile.torrents,
        "peers": profile.peers,
        "numwant": profile.numwant,
        "scrape_share": profile.scrape_share,
        "connect_share": profile.connect_share,
        "sources": profile.sources,
    });
    if let Some(rate) = options.rate {
        load["rate"] = json!(rate);
    }
    if options.command == Command::Udp {
        load["sockets"] = json!(profile.sockets);
        load["window"] = json!(options.window);
    } else {
        load["connections"] = json!(options.connections);
        load["connection"] = json!(if options.is_kept {
            "kept alive"
        } else {
            "each"
        });
    }
    load
}

fn latency(meter: &Meter) -> Value {
    let us = |ns: u64| ns as f64 / 1e3;
    let latency = &meter.latency;
    json!({
        "p50": us(latency.value_at_quantile(0.5)),
        "p99": us(latency.value_at_quantile(0.99)),
        "p99.9": us(latency.value_at_quantile(0.999)),
        "max": us(latency.max()),
    })
}

fn server(meter: &Meter, cpu_s: f64, seconds: f64) -> Value {
    let [before, after] = &meter.server;
    let answers = meter.tally.answers() as f64;
    json!({
        "cpu_seconds": cpu_s,
        "user_seconds": after.user_s - before.user_s,
        "system_seconds": after.system_s - before.system_s,
        "busy_share": cpu_s / seconds,
        "answers_per_cpu_second": answers / cpu_s,
        "cpu_us_per_answer": cpu_s * 1e6 / answers,
        "rss_bytes_before": before.rss_bytes,
        "rss_bytes_after": after.rss_bytes,
        "rss_peak_bytes": after.rss_peak_bytes,
    })
}

#[cfg(test)]
mod tests {
    use super::report;
    use crate::meter::Meter;
    use crate::options::Options;

    fn reported(line: &str, fill: impl FnOnce(&mut Meter)) -> serde_json::Value {
        let words = line.split_ascii_whitespace();
        let options = Options::parse(words.map(Into::into)).expect("valid");
        let mut meter = Meter::new(options.limits.clone());
        fill(&mut meter);
        report(&options, options.address.expect("given"), &meter)
    }

    #[test]
    fn latencies_are_told_in_microseconds_within_a_hundredth() {
        let report = reported("udp 127.0.0.1:1", |meter| {
            (1..=1_000).for_each(|us| meter.latency.saturating_record(us * 1_000));
        });
        let latency = &report["latency_us"];
        for (name, us) in [
            ("p50", 500.0),
            ("p99", 990.0),
            ("p99.9", 999.0),
            ("max", 1e3),
        ] {
            let found = latency[name].as_f64().expect("a number");
            assert!((us..=us * 1.01).contains(&found), "{name}: {found}");
        }
    }

    #[test]
    fn a_run_without_answers_tells_null_instead_of_a_figure() {
        let report = reported("http 127.0.0.1:1", |_| ());
        assert!(report["answers_per_second"].is_null());
        assert!(report["peers_per_announce"].is_null());
        assert_eq!(report["answers"]["all"], 0);
        assert_eq!(report["latency_us"]["p50"], 0.0);
        assert!(report.get("server").is_none());
    }
}
