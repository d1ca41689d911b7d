//! The result of a run as JSON.

use std::net::SocketAddr;

use crate::json::Object;
use crate::meter::Meter;
use crate::options::{Command, Options};

pub(crate) fn report(options: &Options, target: SocketAddr, meter: &Meter) -> Object {
    let seconds = meter.measured_ns as f64 / 1e9;
    let tally = &meter.tally;
    let answers = tally.answers();
    let counts = Object::new()
        .integer("all", answers)
        .integer("connect", tally.connects)
        .integer("announce", tally.announces)
        .integer("scrape", tally.scrapes)
        .integer("failure", tally.failures)
        .integer("invalid", tally.invalid);
    let object = Object::new()
        .text(
            "protocol",
            if options.command == Command::Udp {
                "udp"
            } else {
                "http"
            },
        )
        .text(
            "loop",
            if options.rate.is_some() {
                "open"
            } else {
                "closed"
            },
        )
        .text("target", &target.to_string())
        .object("load", &load(options))
        .number("seconds", seconds)
        .integer("sent", tally.sent)
        .object("answers", &counts)
        .integer("lost", tally.lost)
        .integer("late", tally.late)
        .integer("reopened", tally.reopened)
        .number("answers_per_second", answers as f64 / seconds)
        .number(
            "peers_per_announce",
            tally.peers as f64 / tally.announces as f64,
        )
        .number("bytes_per_answer", tally.bytes as f64 / answers as f64)
        .object("latency_us", &latency(meter))
        .number(
            "generator_cpu_seconds",
            meter.own[1].cpu_s() - meter.own[0].cpu_s(),
        );
    let object = match &meter.failure_text {
        Some(text) => object.text("failure", text),
        None => object,
    };
    match meter.server_cpu_s() {
        Some(cpu_s) => object.object("server", &server(meter, cpu_s, seconds)),
        None => object,
    }
}

fn load(options: &Options) -> Object {
    let profile = &options.profile;
    let object = Object::new()
        .text("profile", profile.name)
        .integer("torrents", u64::from(profile.torrents))
        .integer("peers", u64::from(profile.peers))
        .integer("numwant", u64::from(profile.numwant))
        .number("scrape_share", profile.scrape_share)
        .number("connect_share", profile.connect_share)
        .integer("sources", u64::from(profile.sources));
    let object = match options.rate {
        Some(rate) => object.number("rate", rate),
        None => object,
    };
    if options.command == Command::Udp {
        object
            .integer("sockets", u64::from(profile.sockets))
            .integer("window", options.window as u64)
    } else {
        object
            .integer("connections", options.connections as u64)
            .text(
                "connection",
                if options.is_kept {
                    "kept alive"
                } else {
                    "each"
                },
            )
    }
}

fn latency(meter: &Meter) -> Object {
    let us = |ns: u64| ns as f64 / 1e3;
    let latency = &meter.latency;
    Object::new()
        .number("p50", us(latency.value_at_quantile(0.5)))
        .number("p99", us(latency.value_at_quantile(0.99)))
        .number("p99.9", us(latency.value_at_quantile(0.999)))
        .number("max", us(latency.max()))
}

fn server(meter: &Meter, cpu_s: f64, seconds: f64) -> Object {
    let [before, after] = &meter.server;
    let answers = meter.tally.answers() as f64;
    Object::new()
        .number("cpu_seconds", cpu_s)
        .number("user_seconds", after.user_s - before.user_s)
        .number("system_seconds", after.system_s - before.system_s)
        .number("busy_share", cpu_s / seconds)
        .number("answers_per_cpu_second", answers / cpu_s)
        .number("cpu_us_per_answer", cpu_s * 1e6 / answers)
        .integer("rss_bytes_before", before.rss_bytes)
        .integer("rss_bytes_after", after.rss_bytes)
        .integer("rss_peak_bytes", after.rss_peak_bytes)
}
